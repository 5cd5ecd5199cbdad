"""The observation of requests: each is timed, and reported when it ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

GONE: Final = 499
"""The status that web servers log for a client that left before its answer (nginx's 499)."""

_METHODS: Final = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH")


@dataclass(frozen=True)
class Answered:
    """A request that has ended, without what it was about.

    Attributes
    ----------
    method
        Its method, or ``OTHER``.
    route
        The pattern of its path, since the path itself may hold a name.
    status
        Of the answer; `GONE` if the client left, and 500 if handling it broke.
    seconds
        From its head to the end of its answer.
    bytes_in, bytes_out
        Of its body and the answer's.
    """

    method: str
    route: str
    status: int
    seconds: float
    bytes_in: int
    bytes_out: int


class ObservedRequests:
    """Times each request and tells of it when it ends.

    Parameters
    ----------
    app
        The application that handles requests.
    ended
        Called with the scope of a request that has ended.
    """

    def __init__(self, app: ASGIApp, ended: Callable[[Scope, Answered], None]) -> None:
        self._app, self._ended = app, ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        started, status, came, sent = time.perf_counter(), 500, 0, 0

        async def receive_counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            return message

        async def send_counted(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
            sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive_counted, send_counted)
        except ClientDisconnect:
            status = GONE  # nobody is there to get an answer
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            route = getattr(scope.get("route"), "path", "unknown")
            seconds = time.perf_counter() - started
            self._ended(scope, Answered(method, route, status, seconds, came, sent))

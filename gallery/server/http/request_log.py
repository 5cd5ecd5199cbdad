"""The request log: each request has an identifier, which the other log lines about it repeat.

A line holds no body, no query, no token and no address: method, route, gallery, status, sizes and
time, and the name of the token.
"""

from __future__ import annotations

import re
import uuid

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gallery.server.http.state import state_of
from gallery.web.observed_requests import Answered, ObservedRequests

_log = structlog.get_logger("gallery.server")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADER = "x-request-id"


def request_id(scope: Scope) -> str:
    """Return a request's identifier: the client's own, if it is short and plain, or a new one."""
    headers = dict(scope["headers"])
    given = headers.get(_HEADER.encode(), b"").decode("latin-1")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


class RequestLogMiddleware:
    """Gives each request its identifier, counts it, times it and logs it when it ends."""

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._observed = app, ObservedRequests(app, _ended)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identifier = request_id(scope)
        scope.setdefault("state", {})["request_id"] = identifier
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=identifier)

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (_HEADER.encode(), identifier.encode()),
                    (b"cache-control", b"no-store"),
                ]
            await send(message)

        with state_of(Request(scope)).statistics.requests.in_flight.track_inprogress():
            await self._observed(scope, receive, send_named)


def _ended(scope: Scope, request: Answered) -> None:
    server = state_of(Request(scope))
    if (counted := scope["state"].get("counted")) is not None:
        server.requests.leave(counted)
    server.statistics.requests.observe(request)
    _log.info(
        "request",
        method=request.method,
        route=request.route,
        gallery=scope.get("path_params", {}).get("gallery_id"),
        status=request.status,
        seconds=round(request.seconds, 4),
        token=scope["state"].get("token"),
        bytes_in=request.bytes_in,
        bytes_out=request.bytes_out,
    )

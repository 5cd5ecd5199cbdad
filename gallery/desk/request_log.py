"""The log of requests: method, route, status and time; no name, query, body or address."""

from __future__ import annotations

import time
import traceback
from pathlib import Path

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gallery.desk.statistics import STATISTICS

_GONE = 499
"""What web servers log for a client that left before its answer."""

_log = structlog.get_logger("gallery.desk")


class RequestLog:
    """Times each request, counts it, and logs it when it ends."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def send_seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_seen)
        except ClientDisconnect:
            status = _GONE  # nobody is there to get an answer
        except Exception as error:
            # Places only: the error's text and the values of variables may hold secrets.
            places = traceback.extract_tb(error.__traceback__)
            at = [f"{Path(place.filename).name}:{place.lineno}" for place in places[-8:]]
            _log.error("broke", error=type(error).__name__, at=at)
            raise
        finally:
            # The route's pattern: the path itself may hold a label.
            route = getattr(scope.get("route"), "path", "other")
            seconds = time.perf_counter() - started
            STATISTICS.observe(route, status, seconds)
            _log.info(
                "request",
                method=scope["method"] if scope["method"].isalpha() else "OTHER",
                route=route,
                status=status,
                seconds=round(seconds, 4),
            )

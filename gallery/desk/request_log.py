"""The request log: method, route, status and time, without name, query, body or address."""

from __future__ import annotations

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from gallery.desk.state import state_of
from gallery.web.logs import places_of
from gallery.web.observed_requests import Answered, ObservedRequests

_log = structlog.get_logger("gallery.desk")


class RequestLog:
    """Times each request, counts it, and logs it when it ends."""

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._observed = app, ObservedRequests(app, _ended)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            with state_of(Request(scope)).statistics.in_flight.track_inprogress():
                await self._observed(scope, receive, send)
        except Exception as error:
            # Places only: the error's text and the values of variables may hold secrets.
            _log.error("broke", error=type(error).__name__, at=places_of(error))
            raise


def _ended(scope: Scope, request: Answered) -> None:
    state_of(Request(scope)).statistics.observe(request)
    _log.info(
        "request",
        method=request.method,
        route=request.route,
        status=request.status,
        seconds=round(request.seconds, 4),
    )

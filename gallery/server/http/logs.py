"""Logs: lines of JSON, each with the identifier of the request that it belongs to.

A line holds no body, no query, no token and no address: method, route, gallery, status, sizes and
time, and the name of the token.
"""

from __future__ import annotations

import logging
import re
import sys
import time
import uuid
from typing import Any

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gallery.server.http.state import state_of
from gallery.url_masking import masked_text

_log = structlog.get_logger("gallery.server")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADER = "x-request-id"


def configure_logging() -> None:
    """Write the logs of this process, those of libraries too, to standard error as JSON."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                # Without the values of local variables: a token is one, and so are bodies.
                structlog.processors.ExceptionRenderer(
                    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
                ),
                # Words of a driver or another library may hold a URL as it was given.
                lambda _logger, _name, event: _masked(event),
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    # The middleware below says the same and more; its colours are for people.
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _masked(value: Any) -> Any:
    """Return what is to be logged with every URL in it masked."""
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, dict):
        return {key: _masked(item) for key, item in value.items()}
    return [_masked(item) for item in value] if isinstance(value, list | tuple) else value


def request_id(scope: Scope) -> str:
    """Return a request's identifier: the client's own, if it is short and plain, or a new one."""
    headers = dict(scope["headers"])
    given = headers.get(_HEADER.encode(), b"").decode("latin-1")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


class RequestLogMiddleware:
    """Gives each request its identifier, counts it, times it and logs it when it ends."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identifier, started = request_id(scope), time.perf_counter()
        scope.setdefault("state", {})["request_id"] = identifier
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=identifier)
        status, sizes = 500, {"bytes_in": 0, "bytes_out": 0}

        async def receive_counted() -> Message:
            message = await receive()
            sizes["bytes_in"] += len(message.get("body", b""))
            return message

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (_HEADER.encode(), identifier.encode()),
                    (b"cache-control", b"no-store"),
                ]
            sizes["bytes_out"] += len(message.get("body", b""))
            await send(message)

        server = state_of(Request(scope))
        statistics = server.statistics
        with statistics.in_flight.track_inprogress():
            try:
                await self._app(scope, receive_counted, send_named)
            finally:
                if (counted := scope["state"].get("counted")) is not None:
                    server.requests.leave(counted)
                seconds = time.perf_counter() - started
                route = getattr(scope.get("route"), "path", "unknown")
                statistics.requests.labels(_method(scope), route, status).inc()
                statistics.request_seconds.labels(route).observe(seconds)
                _log.info(
                    "request",
                    method=_method(scope),
                    route=route,
                    gallery=scope.get("path_params", {}).get("gallery_id"),
                    status=status,
                    seconds=round(seconds, 4),
                    token=scope["state"].get("token"),
                    **sizes,
                )


def _method(scope: Scope) -> str:
    known = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH")
    return scope["method"] if scope["method"] in known else "OTHER"

"""The guard in front of every request: host, origin, size, and the headers of every answer.

A page of another site can make a browser send requests to loopback addresses, also under a name of
its own that it points there (DNS rebinding). So requests must name the desk as it was started, and
those that change something must come from its own pages.
"""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gallery.desk.access.body_limits import BodyBudget, LimitedBody, too_large
from gallery.desk.config import DeskConfig
from gallery.desk.errors import BadRequestError, BusyError, DeskError, NotAllowedError
from gallery.desk.problems import PageOfError, answer_of

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_LARGE: Final = frozenset(
    {"batch", "identify", "match", "embed", "enroll", "live", "folder", "embeddings"}
    | {"table", "keep", "restore"}
)
"""Ends of the paths whose requests hold files; they read them once they know who asks."""

_LASTING: Final = frozenset({"events"})
"""Ends of the paths whose answers last, so that other sites could use up what there is of them."""

_ONCE: Final = ("host", "origin", "authorization", "content-type", "sec-fetch-site")
"""Fields that decide something: a proxy in front might look at another one of the same name."""

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), display-capture=()",
    # With "no-referrer", browsers do not say of a form's request that it is from the same origin.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Refuses what does not come from the desk's own pages or from programs on purpose.

    Parameters
    ----------
    app
        The application, which answers the others.
    config
        The desk's settings; its port is the one that it listens on.
    page_of
        Makes the page of an error for a browser's request.
    """

    def __init__(self, app: ASGIApp, config: DeskConfig, page_of: PageOfError) -> None:
        self._app, self._page_of = app, page_of
        self._most, self._most_small = config.max_request, config.max_small_request
        self._budget = BodyBudget(config.max_bodies)
        names = {"localhost", "127.0.0.1", "[::1]", _bracketed(config.host), *config.names}
        default = {"http": 80, "https": 443}[config.scheme]
        self._hosts = {f"{name}:{config.port}".lower() for name in names}
        if config.port == default:
            self._hosts |= {name.lower() for name in names}
        self._origins = {f"{config.scheme}://{host}" for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        end = scope["path"].rpartition("/")[2]
        most = self._most if end in _LARGE else min(self._most, self._most_small)
        body = LimitedBody(receive, most, self._budget)
        try:
            harmless = scope["method"] in _SAFE and end not in _LASTING
            self._check(Headers(scope=scope), most, harmless=harmless)
            await self._app(scope, body.receive, send_with_headers)
        except DeskError as error:
            answer = answer_of(Request(scope), error, self._page_of)
            await answer(scope, receive, send_with_headers)
        except asyncio.CancelledError:
            if not started:
                ending = BusyError("the desk ends")
                await answer_of(Request(scope), ending, self._page_of)(
                    scope, receive, send_with_headers
                )
            raise
        finally:
            body.end()

    def _check(self, headers: Headers, most: int, *, harmless: bool) -> None:
        for name in _ONCE:
            if len(headers.getlist(name)) > 1:
                raise BadRequestError(f"the field {name} comes more than once")
        if headers.get("host", "").lower() not in self._hosts:
            raise NotAllowedError(
                "the desk is not called by this name: use the address that it printed, or ask "
                "its owner to name it so"
            )
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > most:
            raise too_large(most)
        if harmless:
            return
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in self._origins:
            raise NotAllowedError("requests from other sites are refused")
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise NotAllowedError("requests from other sites are refused")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host

"""HTTP connections with limits, so that slow clients and endless headers do not hold them open."""

from __future__ import annotations

import asyncio

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gallery.server.http.config import ServerConfig

_log = structlog.get_logger("gallery.server")

HEADER_SECONDS = 10.0
"""Seconds that the head of a request may take; uvicorn itself sets no limit."""

HEADER_BYTES = 64 * 1024
"""Most bytes of the head of a request; uvicorn's fast parser sets no limit either."""


class TimeLimitedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with limits on how long a client may take.

    The head of a request is limited in time and in size; the rest of a request that is answered
    before it has come as a whole, in time; the reading of an answer, in its rate. Bodies that a
    handler reads are limited by `gallery.server.http.request_bodies`.
    """

    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _in_head = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines."""
        self._head_came()
        self._answer_read()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count the bytes of an unfinished head."""
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEADER_BYTES:
                self.transport.abort()
        elif self._deadline is None and self._answered():
            # The rest of a body that is not read, or empty lines before the next request.
            self._await_head()

    def _answered(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request
        return cycle is not None and cycle.response_complete

    def on_message_begin(self) -> None:
        """Begin to wait for the rest of a head."""
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0
        if self._deadline is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        """Stop waiting."""
        self._in_head = False
        self._head_came()
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """Give the client time to read what waits to be sent."""
        super().pause_writing()
        limits: ServerConfig = self.config.app.state.server.config  # type: ignore[union-attr]
        size = self.transport.get_write_buffer_size()
        self._unread = self.loop.call_later(limits.grace + size / limits.least_rate, self._drop)

    def resume_writing(self) -> None:
        """Forget the client's deadline: it has read nearly everything."""
        self._answer_read()
        super().resume_writing()

    def _drop(self) -> None:
        _log.warning("dropped", reason="the client does not read its answer")
        # Closing would wait for what is unread to be sent.
        self.transport.abort()

    def _answer_read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _await_head(self) -> None:
        self._deadline = self.loop.call_later(HEADER_SECONDS, self.transport.abort)

    def _head_came(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

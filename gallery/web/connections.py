"""HTTP connections with limits, so that slow clients and endless headers do not hold them open."""

from __future__ import annotations

import asyncio
import socket

import structlog
from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gallery.web.connection_gate import ConnectionGate
from gallery.web.pace import Pace

_log = structlog.get_logger("gallery.web")

HEADER_SECONDS = 10.0
"""Seconds that the head of a request may take, and a TLS handshake before the first; uvicorn itself
sets no limit to the one, and asyncio 60 s to the other."""

HEADER_BYTES = 64 * 1024
"""Most bytes of the head of a request, and of what comes within a body in chunks beside it, such as
fields behind the last one; uvicorn's fast parser sets no limit either."""

HEADER_FIELDS = 100
"""Most fields of a head: short ones take fifty times their bytes in memory."""

PIPELINED = 16
"""Requests that may wait on a connection for the answer to the one before."""

_PIECE = 8 * 1024
"""Bytes that are parsed at a time, so that a head is found too long before it is read whole."""


class _RefusedHeadError(Exception):
    """A head is larger than it may be; the parser's caller answers 400 and ends the connection."""


class TimeLimitedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with limits on how long a client may take.

    The head of a request is limited in time, in size and in fields, and so is what a body in chunks
    holds beside itself; the requests that are sent before the one before is answered, in number;
    the rest of a request that is answered before it has come as a whole, in time; the reading of an
    answer, in its rate. Bodies are limited by the handlers that read them.
    """

    gate: ConnectionGate | None = None
    """The gate that counts the connection; set before the connection is made."""

    pace: Pace
    """At which the client must read an answer; set at the same time."""

    _socket: socket.socket
    _number = -1
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _idle_bytes = 0
    _in_head = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        # A transport with TLS that was closed twice tells it no more.
        self._socket = transport.get_extra_info("socket")
        self._number = self._socket.fileno()
        self._unanswered: list[RequestResponseCycle] = []
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines, and have nothing written to a client that is gone.

        uvicorn's own tells the newest request alone, and not those before it that wait or run.
        """
        self._head_came()
        self._answer_read()
        for cycle in self._unanswered:
            cycle.disconnected = True
            cycle.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, and count the bytes that neither end a head nor belong to a body."""
        for start in range(0, len(data), _PIECE):
            piece = data[start : start + _PIECE]
            super().data_received(piece)
            if self.transport.is_closing():
                return
            self._idle_bytes += len(piece)
            if self._idle_bytes > HEADER_BYTES:
                self.transport.abort()
                return
        if not self._in_head and self._deadline is None and self._answered():
            # The rest of a body that is not read, or empty lines before the next request.
            self._await_head()

    def _answered(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request
        return cycle is not None and cycle.response_complete

    def on_message_begin(self) -> None:
        """Begin to wait for the rest of a head."""
        super().on_message_begin()
        self._in_head, self._idle_bytes = True, 0
        if self._deadline is None:
            self._await_head()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._idle_bytes = 0
        super().on_body(body)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field of the head, unless there are too many."""
        if len(self.headers) == HEADER_FIELDS:
            raise _RefusedHeadError
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Stop waiting; refuse a head that came too large at once, or too many requests."""
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if max(size, self._idle_bytes) > HEADER_BYTES:
            raise _RefusedHeadError
        if len(self.pipeline) == PIPELINED:
            self.transport.abort()  # an answer may be half sent
            raise _RefusedHeadError
        self._in_head = False
        self._head_came()
        if self.gate is not None:
            self.gate.speaks(self._number)
            full = self.gate.is_full
            self.app = service_unavailable if full else self.config.loaded_app
        super().on_headers_complete()
        self._unanswered = [cycle for cycle in self._unanswered if not cycle.response_complete]
        self._unanswered.append(self.cycle)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        if self.gate is not None and self._answered():
            self.gate.falls_silent(self._number, self._socket)

    def pause_writing(self) -> None:
        """Give the client time to read what waits to be sent."""
        super().pause_writing()
        size = self.transport.get_write_buffer_size()
        self._unread = self.loop.call_later(self.pace.seconds_for(size, size), self._drop)

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

"""A relay between a client and a server in tests: it listens, and cuts connections."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_PIECE = 64 * 1024


@dataclass(frozen=True)
class Cut:
    """Where a connection is cut, once.

    Attributes
    ----------
    request
        What is in the head of the request that is cut, such as ``b"/updates"``.
    sent
        Bytes of the request that are passed on; None for all of them.
    received
        Bytes of the answer that are passed on, if the request is.
    """

    request: bytes
    sent: int | None = None
    received: int = 0


@dataclass
class Exchange:
    """One request and its answer, as bytes of HTTP."""

    request: bytearray = field(default_factory=bytearray)
    answer: bytearray = field(default_factory=bytearray)


@dataclass
class Relay:
    """Passes on what is said, keeps it, and cuts connections where it is told to.

    Attributes
    ----------
    url
        Its address for clients.
    exchanges
        Everything that was said, in order.
    cuts
        Cuts that are yet to happen.
    """

    url: str
    exchanges: list[Exchange] = field(default_factory=list)
    cuts: list[Cut] = field(default_factory=list)

    @property
    def said(self) -> bytes:
        """All bytes of both directions."""
        return b"".join(bytes(item.request + item.answer) for item in self.exchanges)


class _Connection:
    """A connection through the relay. Nobody sends a request before the last one is answered."""

    def __init__(self, relay: Relay, near: socket.socket, far: socket.socket) -> None:
        self._relay, self._near, self._far = relay, near, far
        self._exchange = Exchange()
        self._cut: Cut | None = None

    def pass_on(self) -> None:
        """Pass on until one side ends the connection, or it is cut."""
        answers = threading.Thread(target=self._answers, daemon=True)
        answers.start()
        self._requests()
        answers.join()
        self._near.close()
        self._far.close()

    def _requests(self) -> None:
        while data := _read(self._near):
            if self._exchange.answer or not self._exchange.request:
                self._exchange, self._cut = Exchange(), None
                self._relay.exchanges.append(self._exchange)
            request = self._exchange.request
            request += data
            self._cut = self._cut or self._due(bytes(request))
            most = None if self._cut is None else self._cut.sent
            if most is not None and len(request) >= most:
                _write(self._far, data[: max(0, most - len(request) + len(data))])
                break
            _write(self._far, data)
        self._end()

    def _due(self, request: bytes) -> Cut | None:
        for cut in self._relay.cuts:
            if cut.request in request.partition(b"\r\n\r\n")[0]:
                self._relay.cuts.remove(cut)
                return cut
        return None

    def _answers(self) -> None:
        while data := _read(self._far):
            answer, cut = self._exchange.answer, self._cut
            answer += data
            if cut is not None and len(answer) >= cut.received:
                _write(self._near, data[: max(0, cut.received - len(answer) + len(data))])
                break
            _write(self._near, data)
        self._end()

    def _end(self) -> None:
        for end in (self._near, self._far):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def _read(end: socket.socket) -> bytes:
    try:
        return end.recv(_PIECE)
    except OSError:
        return b""


def _write(end: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):
        end.sendall(data)


@contextmanager
def relaying(url: str) -> Iterator[Relay]:
    """Run a relay in front of a server."""
    parts = urlsplit(url)
    target = parts.hostname, parts.port
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = Relay(f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread = threading.Thread(target=_accept, args=(listener, relay, target), daemon=True)
        thread.start()
        yield relay
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _accept(listener: socket.socket, relay: Relay, target: tuple[str | None, int | None]) -> None:
    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        far = socket.create_connection(target)
        connection = _Connection(relay, near, far)
        threading.Thread(target=connection.pass_on, daemon=True).start()

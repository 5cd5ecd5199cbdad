"""A relay between a command and a server that counts the bytes of both directions."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

_PIECE = 256 * 1024


class CountingRelay:
    """Passes connections on, and counts what goes through them, headers of HTTP included.

    Attributes
    ----------
    url
        Its address for clients.
    up, down
        Bytes that clients and the server have sent.
    """

    def __init__(self, listener: socket.socket, target: tuple[str, int]) -> None:
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.up = self.down = 0
        self._target, self._passing = target, list[threading.Thread]()

    def accept(self, listener: socket.socket) -> None:
        """Pass on connections until the listener is closed."""
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for source, sink, is_up in ((near, far, True), (far, near, False)):
                thread = threading.Thread(target=self._pass, args=(source, sink, is_up))
                thread.start()
                self._passing.append(thread)

    def settle(self) -> None:
        """Wait until all that was said is counted, when the clients have ended."""
        for thread in self._passing:
            thread.join()
        self._passing.clear()

    def _pass(self, source: socket.socket, sink: socket.socket, is_up: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_PIECE):
                if is_up:
                    self.up += len(data)
                else:
                    self.down += len(data)
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
        if not is_up:
            for end in (source, sink):
                end.close()


@contextmanager
def counting_relay(url: str) -> Iterator[CountingRelay]:
    """Run a relay in front of a server."""
    parts = urlsplit(url)
    assert parts.hostname and parts.port, url
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = CountingRelay(listener, (parts.hostname, parts.port))
        thread = threading.Thread(target=relay.accept, args=(listener,))
        thread.start()
        try:
            yield relay
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            relay.settle()

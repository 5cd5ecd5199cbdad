"""Bare HTTP over sockets, for clients that behave as no library does."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import httpx


@contextmanager
def connected(
    url: str, buffer: int | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[socket.socket]:
    """Give a bare connection to a server, with a receive buffer of that many bytes."""
    with closing(socket.socket()) as end:
        if buffer is not None:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        parts = httpx.URL(url)
        end.connect((parts.host, parts.port))
        if tls is None:
            yield end
            return
        with tls.wrap_socket(end, server_hostname=parts.host) as wrapped:
            yield wrapped


def head(method: str, path: str, token: str, *lines: str) -> bytes:
    """Return the head of a request; ``lines`` are further fields."""
    fields = [f"{method} /v1/{path} HTTP/1.1", "Host: test", f"Authorization: Bearer {token}"]
    return ("\r\n".join([*fields, *lines]) + "\r\n\r\n").encode()


def rest(end: socket.socket) -> bytes:
    """Return all that comes until the server ends the connection, however it does."""
    got = bytearray()
    try:
        while data := end.recv(2**16):
            got += data
    except ConnectionResetError:
        pass
    return bytes(got)


class Crowd:
    """Connections of an attacker, each with a thread of its own; all end with the context."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._first_lines: list[bytes] = []

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    @property
    def statuses(self) -> list[int]:
        """The statuses of the answers that have begun."""
        with self._lock:
            return [int(line.split()[1]) for line in self._first_lines if line]

    def ask_and_read(self, request: bytes, rate: int) -> None:
        """Send a request as fast as it goes, and read the answer at so many bytes a second."""
        self._start(request, rate)

    def send_slowly(self, start: bytes, rate: int) -> None:
        """Send the start of a request, and from then on so many bytes a second, without end."""
        self._start(start, rate, drips=True)

    def _start(self, request: bytes, rate: int, drips: bool = False) -> None:
        work = self._drip if drips else self._read
        thread = threading.Thread(target=self._run, args=(work, request, rate), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run(self, work: object, request: bytes, rate: int) -> None:
        assert callable(work)
        while not self._over.is_set():  # an attacker who is refused comes again
            with suppress(OSError), connected(self._url, 65536) as end:
                end.settimeout(1)
                work(end, request, rate)
            self._over.wait(0.1)

    def _read(self, end: socket.socket, request: bytes, rate: int) -> None:
        view = memoryview(request)
        while view and not self._over.is_set():
            with suppress(TimeoutError):
                view = view[end.send(view) :]
        first = True
        while not self._over.is_set():
            try:
                data = end.recv(max(64, rate // 10))
            except TimeoutError:
                continue
            if not data:
                return
            if first:
                self._note(data)
            first = False
            time.sleep(0.1)

    def _drip(self, end: socket.socket, start: bytes, rate: int) -> None:
        end.sendall(start)
        end.settimeout(0.1)
        while not self._over.is_set():
            end.sendall(bytes(rate // 10))
            with suppress(TimeoutError):
                self._note(end.recv(2**16))
                return

    def _note(self, data: bytes) -> None:
        with self._lock:
            self._first_lines.append(data.partition(b"\r\n")[0])

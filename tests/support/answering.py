"""Something that listens and answers each request with bytes that a test chooses."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gallery.client.transport import AccessToken, RemoteService

TOKEN = "efg_0123456789abcdef_" + "s3cr3t-of-this-test" + "A" * 24


@contextmanager
def answering(
    *answers: bytes,
    waiting: Callable[[str], None] | None = None,
    heard: list[bytes] | None = None,
) -> Iterator[RemoteService]:
    """Give a client's end of a server that answers this, and the last of it again and again.

    The heads of requests are added to ``heard``.
    """
    left = list(answers)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            while True:
                try:
                    end, _ = listener.accept()
                except OSError:
                    return
                with end:
                    head = _read_request(end)
                    if heard is not None:
                        heard.append(head)
                    end.sendall(left.pop(0) if len(left) > 1 else left[0])

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        service = RemoteService(url, AccessToken(TOKEN), waiting=waiting)
        try:
            yield service
        finally:
            service.close()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _read_request(end: socket.socket) -> bytes:
    # What is left unread when a connection is closed would take the answer with it.
    got = b""
    while b"\r\n\r\n" not in got:
        got += end.recv(2**20)
    head, _, body = got.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    left = int(length[1]) - len(body) if length else 0
    while left > 0:
        left -= len(end.recv(2**20))
    return head


def response(body: bytes, status: str = "200 OK", *fields: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

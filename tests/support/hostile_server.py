"""A server that answers as a gallery's does, but for one address where it sends what it likes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from gallery.messages import BlockIndices, GalleryNames, SearchRequest
from gallery.messages.stream import write_stream
from gallery.server import EmbeddedService

Attack = Callable[[list[bytes]], Iterator[bytes]]
"""Takes the messages of the honest answer, and yields the body that is sent in its place."""


@dataclass
class HostileServer:
    """A server of one gallery.

    Attributes
    ----------
    url
        Its address.
    attacks
        What is sent instead of the honest answer, by the last word of an address: ``manifest``,
        ``search``, ``references``, ...
    headers
        Further headers of these answers.
    sent
        Bytes of them that a client has taken.
    """

    url: str = ""
    attacks: dict[str, Attack] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    sent: int = 0


@contextmanager
def hostile_server(service: EmbeddedService) -> Iterator[HostileServer]:
    """Run a server before a service, in threads of this process."""
    found = HostileServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])))

        def _answer(self, body: bytes) -> None:
            words = [unquote(word) for word in self.path.split("/")[2:]]
            word = "block" if words[-2:-1] == ["blocks"] else words[-1]
            word = "description" if words[0] == "descriptions" else word
            attack = found.attacks.get(word)
            messages = answers(service, words, body)
            content = iter(honest(word, messages)) if attack is None else attack(messages)
            self.send_response(200)
            for name, value in (found.headers if attack else {}).items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):  # the client has had enough
                for piece in content:
                    self.wfile.write(piece)
                    found.sent += len(piece) if attack else 0

        def log_message(self, format: str, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        found.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


def honest(word: str, messages: list[bytes]) -> Iterator[bytes]:
    return write_stream(messages) if word == "search" else iter(messages)


def answers(service: EmbeddedService, words: list[str], body: bytes) -> list[bytes]:
    """Return the messages of an honest answer."""
    if words == ["galleries"]:
        return [GalleryNames(tuple(service.gallery_names())).to_bytes()]
    if words[0] == "descriptions":
        return [service.describe(words[1]).to_bytes()]
    gallery_id, asked = bytes.fromhex(words[1]), words[2:]
    if asked == ["search"]:
        result = service.search(SearchRequest.from_bytes(body))
        sums = [result.check_sums.to_bytes()] if result.check_sums else []
        return [result.manifest.to_bytes(), *sums, *(b.to_bytes() for b in result.blocks)]
    if asked == ["blocks"]:
        return [BlockIndices(service.stored_blocks(gallery_id)).to_bytes()]
    if asked[0] == "blocks":
        index = int(asked[1])
        if asked[-1] == "references":
            return [service.references(gallery_id, index).to_bytes()]
        return [service.block(gallery_id, index).to_bytes()]
    if asked == ["check-sums"]:
        return [service.check_sums(gallery_id).to_bytes()]
    return [service.manifest(gallery_id).to_bytes()]

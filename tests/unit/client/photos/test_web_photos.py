"""Photos fetched from real servers on this machine: within limits, and from nowhere inside of it.

A server on this machine is inside of it, so that tests of anything else allow that, or take one
loopback address for a public one.
"""

from __future__ import annotations

import base64
import io
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gallery.client.photos import web_photos
from gallery.client.photos.images import open_photo
from gallery.client.photos.web_photos import PhotoUrl, fetch_photo
from gallery.errors import UnreadablePhotoError
from gallery.hints import Hint
from tests.support.certificates import make_certificate


def png(colour: str = "red") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(file, "PNG")
    return file.getvalue()


PHOTO = png()


class Handler(BaseHTTPRequestHandler):
    """Answers by path; what was asked is in the server's ``asked``."""

    server: Server

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        path, _, query = self.path.partition("?")
        query = query.removeprefix("to=")
        if path == "/moved":
            self.send_response(302)
            self.send_header("Location", query)
            self.end_headers()
            return
        if path == "/missing":
            self.send_error(404)
            return
        self.send_response(200)
        body = {"/page": b"<html>Sign in</html>", "/empty": b""}.get(path, PHOTO)
        if path not in ("/drip", "/unsized"):
            self.send_header("Content-Length", str(len(body) + (path == "/short")))
        self.end_headers()
        if path == "/drip":
            while not self.server.stop.wait(0.01):
                try:
                    self.wfile.write(b".")
                except OSError:
                    return
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


class Server(ThreadingHTTPServer):
    """A server on one of this machine's addresses."""

    def __init__(self, host: str, context: ssl.SSLContext | None = None, port: int = 0) -> None:
        super().__init__((host, port), Handler)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.stop = threading.Event()
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        scheme = "http" if context is None else "https"
        self.url = f"{scheme}://{host}:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep the test's output clean of connections that were ended."""


@contextmanager
def serving(
    host: str = "127.0.0.1", context: ssl.SSLContext | None = None, port: int = 0
) -> Iterator[Server]:
    with Server(host, context, port) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.stop.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as started:
        yield started


def fetched(url: str) -> bytes:
    return fetch_photo(PhotoUrl(url, allow_private=True))


def resolved(host: str, port: int) -> list[Any]:
    return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))]


def refusal(url: str, *, allow_private: bool = True) -> UnreadablePhotoError:
    with pytest.raises(UnreadablePhotoError) as caught:
        fetch_photo(PhotoUrl(url, allow_private=allow_private))
    return caught.value


@pytest.mark.parametrize(
    "path", ["/photo.png", "/unsized", "/bj%C3%B6rn a?x=1#top", "/moved?to=/a"]
)
def test_a_photo_is_fetched_whole(server: Server, path: str) -> None:
    assert fetched(server.url + path) == PHOTO


def test_an_address_is_taken_where_a_path_is(server: Server) -> None:
    photo = open_photo(PhotoUrl(f"{server.url}/photo", allow_private=True))

    assert photo.size == (40, 30)
    assert photo.name == f"{server.url}/photo"
    with pytest.raises(UnreadablePhotoError, match="inside of a network"):
        open_photo(f"{server.url}/photo")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.31.255.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[::127.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::10.0.0.1]",
        "[2002:7f00:1::]",
        "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
        "[fe80::1]",
        "[fd00::1]",
        "[ff02::1]",
    ],
)
def test_no_address_inside_of_a_network_is_reached_unless_allowed(host: str) -> None:
    refused = refusal(f"http://{host}/secret", allow_private=False)

    assert "its host is this machine, or inside of a network" in str(refused)
    assert refused.hint is Hint.ALLOW_PRIVATE_ADDRESS


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822", "::ffff:8.8.8.8"]
)
def test_addresses_of_the_world_are_public(address: str) -> None:
    assert web_photos.is_public(address)


def test_a_name_with_any_address_inside_of_a_network_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 80)) for host in ("1.1.1.1", "10.0.0.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer)

    assert "inside of a network" in str(refusal("http://both.example/", allow_private=False))


def test_the_connection_goes_to_the_address_that_was_checked(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A name server that says something else each time it is asked.
    resolved = iter(["127.0.0.1", "127.0.0.2", "127.0.0.2"])
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, port, **_: [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(resolved), port))
        ],
    )
    monkeypatch.setattr(web_photos, "is_public", lambda address: address == "127.0.0.1")
    with serving("127.0.0.2", port=server.server_port) as other:
        fetch_photo(PhotoUrl(f"http://photos.example:{server.server_port}/a"))
        assert other.asked == []
    ((_, headers),) = server.asked
    assert headers["Host"] == f"photos.example:{server.server_port}"


def test_a_redirect_into_a_network_is_refused(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_photos, "is_public", lambda address: address == "127.0.0.1")
    with serving("127.0.0.2") as inside:
        refused = refusal(f"{server.url}/moved?to={inside.url}/secret", allow_private=False)
        assert inside.asked == []
    assert refused.hint is Hint.ALLOW_PRIVATE_ADDRESS


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/missing", "the server answers 404 Not Found"),
        ("/short", "the connection ended"),
        ("/moved?to=/moved?to=/moved", "it leads on more than 5 times"),
        ("/moved?to=file:///etc/passwd", "the address must be http:// or https://"),
        ("/moved?to=http://[bad/", "the address is not well-formed"),
    ],
)
def test_what_gives_no_file_is_refused(server: Server, path: str, reason: str) -> None:
    if path.endswith("/moved"):
        path = "/moved?to=" + path
    assert reason in str(refusal(server.url + path))


def test_what_is_no_picture_is_told_by_content(server: Server) -> None:
    for path, reason in (("/page", "it is no JPEG"), ("/empty", "the file is empty")):
        with pytest.raises(UnreadablePhotoError, match=reason):
            open_photo(PhotoUrl(server.url + path, allow_private=True))


@pytest.mark.parametrize("path", ["/photo", "/unsized"])
def test_a_large_file_is_not_fetched(
    server: Server, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(web_photos, "LARGEST_BYTES", len(PHOTO) - 1)
    assert "it has more than" in str(refusal(server.url + path))


def test_a_server_that_sends_little_by_little_is_left(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_photos, "SECONDS", 0.2)
    assert "the server does not answer in time" in str(refusal(f"{server.url}/drip"))


def test_a_name_of_many_addresses_that_do_not_answer_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as silent:
        port = silent.getsockname()[1]
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))
            for host in ("127.0.0.1", "127.0.0.2")
        ]
        # Linux takes one more than it was told to, and says nothing to the others.
        with (
            socket.create_connection(silent.getsockname()),
            socket.create_server(("127.0.0.2", port)) as last,
        ):
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
            monkeypatch.setattr(web_photos, "SECONDS", 0.2)
            assert "the server does not answer in time" in str(refusal("http://many.example/"))
            last.setblocking(False)
            with pytest.raises(BlockingIOError):
                last.accept()


def test_nobody_there_and_no_such_host() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        refused = refusal(f"http://127.0.0.1:{unused.getsockname()[1]}/")
    assert "Connection refused" in str(refused)
    assert "its host is not known" in str(refusal("http://nowhere.invalid/"))


def test_a_password_goes_to_its_own_host_alone_and_into_no_message(server: Server) -> None:
    place = server.url.removeprefix("http://")
    with serving("127.0.0.2") as other:
        fetched(f"http://ada:secr%40t@{place}/moved?to={other.url}/photo")
        ((_, elsewhere),) = other.asked
    ((_, headers),) = server.asked
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"ada:secr@t").decode()
    assert "Authorization" not in elsewhere
    refused = str(refusal(f"http://ada:secret@{place}/missing?token=hidden"))
    assert "secret" not in refused and "hidden" not in refused


def test_https_is_checked_and_never_left_for_http(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    with serving(context=context) as secure:
        assert "its certificate is not trusted" in str(refusal(f"{secure.url}/photo"))
        monkeypatch.setenv("SSL_CERT_FILE", str(files.certificate))
        assert fetched(f"{secure.url}/photo") == PHOTO
        moved = refusal(f"{secure.url}/moved?to={server.url}/photo")
    assert "it leads from https to http" in str(moved)
    assert server.asked == []


@pytest.mark.parametrize(
    "url", ["http://", "https:///photo.jpg", "http://a:b:c/", "http://x:99999/"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    assert re.search("the address (is not well-formed|must be http)", str(refusal(url)))

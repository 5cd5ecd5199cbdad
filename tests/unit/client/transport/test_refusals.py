"""Programs before a server, or in its place: each is named at once."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from gallery.client.transport import AccessToken, RemoteService, http_connection
from gallery.errors import (
    AccessDeniedError,
    GalleryError,
    RequestTooLargeError,
    ServerBusyError,
    ServerError,
)
from gallery.messages import GalleryNames
from tests.support.answering import TOKEN, answering, response

HTML = "Content-Type: text/html; charset=utf-8"
PAGE = b"<html><head><title>Welcome</title></head></html>"

FOREIGN: list[tuple[bytes, type[GalleryError], str]] = [
    (response(PAGE, "200 OK", HTML), ServerError, "no gallery server.* a web page .*login pages"),
    (response(PAGE, "201 Created", HTML), ServerError, "no gallery server.*status 201"),
    (response(b"{}", "200 OK", "Content-Type: application/json"), ServerError, "no gallery server"),
    (
        response(b"", "302 Found", "Location: https://login.example.org/?session=s3cr3t"),
        ServerError,
        r"sends on to https://login\.example\.org/ ",
    ),
    (response(PAGE, "203 Non-Authoritative"), ServerError, "no gallery server"),
    (response(b"", "200 OK"), ServerError, "no gallery server"),
    (response(PAGE, "301 Moved Permanently", HTML), ServerError, "sends on to nowhere"),
    (response(b"", "307 Moved", "Location: \x1b[2J"), ServerError, "speak HTTP as it should"),
    (response(b"", "302 Found", "Location: http://\u202e/"), ServerError, "HTTP"),
    (
        response(PAGE, "413 Request Entity Too Large", HTML),
        RequestTooLargeError,
        "client_max_body_size",
    ),
    (response(PAGE, "401 Unauthorized", HTML), ServerError, "wants a login of its own"),
    (response(PAGE, "403 Forbidden", HTML), ServerError, "does not let this request pass"),
    (response(PAGE, "407 Proxy Authentication Required", HTML), ServerError, "login of its own"),
    (response(PAGE, "400 Bad Request", HTML), ServerError, "status 400, a web page"),
    (response(PAGE, "404 Not Found", HTML), ServerError, "that of a gallery server"),
    (response(PAGE, "500 Internal Server Error", HTML), ServerError, "status 500"),
    (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", ServerError, "does not speak HTTP"),
    (b"\x15\x03\x01\x00\x02\x02\x16", ServerError, "does not speak HTTP"),
]


@pytest.fixture
def heard() -> list[str]:
    """What is told of requests that are repeated."""
    return []


@pytest.mark.parametrize(("answer", "kind", "words"), FOREIGN, ids=range(len(FOREIGN)))
@pytest.mark.parametrize("asking", ["to read", "to write"])
def test_what_answers_in_the_servers_place_is_named_at_once(
    heard: list[str], answer: bytes, kind: type[GalleryError], words: str, asking: str
) -> None:
    with answering(answer, waiting=heard.append) as service:
        with pytest.raises(kind, match=words) as caught:
            if asking == "to read":
                service.manifest(bytes(16))
            else:
                service.purge()

    assert heard == []
    assert str(caught.value).isprintable()
    assert "s3cr3t" not in str(caught.value)


def test_a_request_that_is_cut_off_by_a_proxys_limit_is_named_as_that() -> None:
    """nginx answers when it has read the head, and reads no more than a little of the rest."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            end, _ = listener.accept()
            with end:
                while b"\r\n\r\n" not in end.recv(2**16):
                    pass
                end.sendall(response(PAGE, "413 Request Entity Too Large", HTML))
                end.shutdown(socket.SHUT_WR)
                while end.recv(2**16):
                    pass

        thread = threading.Thread(target=refuse)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        connection = http_connection.Connection(url, AccessToken(TOKEN), None, False)
        with pytest.raises(RequestTooLargeError, match="1 MB"):
            connection.send("POST", "galleries", bytes(2**25))
        connection.close()
        thread.join()


@pytest.mark.parametrize("status", ["502 Bad Gateway", "504 Gateway Time-out", "429 Too Many"])
def test_a_request_that_is_repeated_is_told_of(
    heard: list[str], status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_connection, "_RETRY_SECONDS", 0.3)
    names = response(GalleryNames(("staff",)).to_bytes())
    with answering(response(PAGE, status, HTML), names, waiting=heard.append) as service:
        assert service.gallery_names() == ["staff"]
    (once,) = heard
    with answering(response(PAGE, status, HTML), waiting=heard.append) as service:
        with pytest.raises(ServerBusyError, match=status[:3]):
            service.gallery_names()

    assert "busy or restarting" in once
    assert "asking again for up to 0.3 s" in once
    assert len(heard) == 2


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_a_server_that_is_down_is_asked_again_and_told_of(
    heard: list[str], closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_connection, "_RETRY_SECONDS", 0.3)
    url = f"http://127.0.0.1:{closed_port}"
    service = RemoteService(url, AccessToken(TOKEN), waiting=heard.append)

    with pytest.raises(ServerError, match="Connection refused; is it running"):
        service.gallery_names()
    service.close()

    (line,) = heard
    assert "Connection refused" in line


def test_a_machine_that_nobody_knows_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    # Where there is no network, it may be a resolver that is away for a moment.
    monkeypatch.setattr(http_connection, "_RETRY_SECONDS", 0.3)
    # A name of more than 63 characters, and one of a domain that is reserved for having no names.
    with pytest.raises(ServerError, match="not a URL"):
        RemoteService(f"https://{'a' * 64}.example", AccessToken(TOKEN))
    service = RemoteService("https://faces.invalid", AccessToken(TOKEN))
    with pytest.raises(ServerError, match=r"faces\.invalid"):
        service.gallery_names()
    service.close()


@pytest.mark.parametrize(
    ("around", "words"),
    [
        ("Bearer {}", "the word Bearer"),
        ("bearer: {}", "the word Bearer"),
        ("Authorization: Bearer {}", "space"),
        ('"{}"', "quotation marks"),
        ("'{}", "quotation marks"),
        ("\u201c{}\u201d", "quotation marks"),
        ("\u200b{}", r"invisible character, U\+200B \(zero width space\)"),
        ("\ufeff{}", r"U\+FEFF"),
        ("{}\u00a0", r"U\+00A0"),
        ("{}\u2028", r"U\+2028"),
        ("{0}\n{0}", "more than one line"),
        ("{} # kiosk", "space"),
        ("{}\x00", "characters that no token has"),
        ("GALLERY_TOKEN={}", "14 other characters"),
        ("<{}>", "2 other characters"),
        ("{}.", "1 other characters"),
        ("t\u00f6ken", "characters that no token has"),
        (" \n ", "it is empty"),
        ("efg_0123456789abcdef_cut", "it has 24 characters"),
    ],
)
def test_what_stands_around_a_token_is_named(around: str, words: str) -> None:
    with pytest.raises(AccessDeniedError, match=words) as caught:
        AccessToken(around.format(TOKEN))

    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("around", ["{}", "{}\n", "{}\r\n", "\n  {}\t", "\r\n{}"])
def test_space_and_line_ends_around_a_token_do_not_count(around: str) -> None:
    assert AccessToken(around.format(TOKEN)).reveal() == TOKEN

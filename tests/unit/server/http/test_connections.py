"""Connections that say nothing, or too much, are ended."""

from __future__ import annotations

import time

import pytest

from gallery.web import connections
from tests.unit.server.http.conftest import Galleries, connected, head, rest


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.4)
    monkeypatch.setattr(connections, "HEADER_BYTES", 8192)


@pytest.mark.parametrize(
    "said", [b"", b"GET /v1/gal", b"GET / HTTP/1.1\r\nHost: x\r\nX: ", b"\r\n"]
)
def test_a_head_that_does_not_come_ends_the_connection(shared: Galleries, said: bytes) -> None:
    with connected(shared.server.url) as end:
        end.sendall(said)

        assert rest(end) == b""


def test_the_next_head_on_a_connection_must_come_in_time_too(shared: Galleries) -> None:
    with connected(shared.server.url) as end:
        end.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while not answer.endswith(b'{"status":"ok"}'):
            answer += end.recv(2**16)
        # Empty lines before a request are allowed, and begin none.
        end.sendall(b"\r\n\r\nGET /he")

        assert rest(end) == b""


@pytest.mark.parametrize("line", [b"X: x\r\n", b"x"], ids=["many lines", "one line"])
def test_headers_without_end_are_not_collected(shared: Galleries, line: bytes) -> None:
    with connected(shared.server.url) as end:
        sent, answer = 0, b""
        try:
            end.sendall(b"GET /healthz HTTP/1.1\r\nX")
            while sent < 50_000_000:
                end.sendall(line * (1024 // len(line)))
                sent += 1024
            answer = rest(end)
        except (ConnectionResetError, BrokenPipeError):
            pass

    assert answer == b""
    assert sent < 50_000_000


@pytest.mark.parametrize(
    "fields",
    [
        ["X: " + "x" * 10_000],
        [f"X{number}: {'x' * 200}" for number in range(50)],
        ["X:" + " " * 20_000 + "x"],
        [f"{number}:" for number in range(101)],
    ],
    ids=["one field", "fields", "spaces", "many short fields"],
)
def test_a_head_that_comes_too_large_at_once_is_refused(
    shared: Galleries, fields: list[str]
) -> None:
    with connected(shared.server.url) as end:
        end.sendall(head("GET", "galleries", shared.tokens["all"], *fields))
        answer = rest(end)

    assert not answer.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "more",
    [b"0\r\nX: " + b"x" * 1024, b"0\r\n" + b"X: x\r\n" * 170, b"4;" + b"x" * 1024, b"0" * 1024],
    ids=["a trailing field", "trailing fields", "a chunk's extension", "a chunk's length"],
)
@pytest.mark.parametrize("token", ["all", ""], ids=["with a token", "without"])
def test_what_a_body_in_chunks_holds_beside_itself_is_bounded(
    shared: Galleries, more: bytes, token: str
) -> None:
    request = head("POST", "restore", shared.tokens.get(token, ""), "Transfer-Encoding: chunked")
    with connected(shared.server.url) as end:
        sent = 0
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            end.sendall(request + more)
            while sent < 2_000_000:
                end.sendall(more[-1:] * 1024)
                sent += 1024
                time.sleep(0.001)

    assert sent < 300_000


def test_a_body_of_many_small_chunks_is_taken(shared: Galleries) -> None:
    chunks = b"1;x=yz\r\nx\r\n" * 4000 + b"0\r\nX: y\r\n\r\n"
    fields = ("Transfer-Encoding: chunked", "Connection: close")
    with connected(shared.server.url) as end:
        end.sendall(head("POST", "restore", shared.tokens["all"], *fields) + chunks)
        answer = rest(end)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"MalformedMessageError" in answer


def test_a_head_just_below_the_limit_is_taken(shared: Galleries) -> None:
    fields = ["X: " + "x" * 4000, *(f"X{number}: x" for number in range(90)), "Connection: close"]
    with connected(shared.server.url) as end:
        end.sendall(head("GET", "galleries", shared.tokens["all"], *fields))

        assert rest(end).startswith(b"HTTP/1.1 200")


def test_requests_that_nobody_waits_for_are_not_collected(shared: Galleries) -> None:
    with connected(shared.server.url) as end:
        end.sendall(head("GET", "galleries", shared.tokens["all"]) * 1000)
        answers = rest(end)

    assert answers.count(b"HTTP/1.1 200 ") < 1000


def test_what_follows_a_refused_request_is_not_read_for_ever(shared: Galleries) -> None:
    with connected(shared.server.url) as end:
        line = "Content-Length: 99999999999"
        end.sendall(head("POST", "galleries", shared.tokens["all"], line))
        assert end.recv(2**16).startswith(b"HTTP/1.1 413 ")
        try:
            for _ in range(1_000_000):
                end.sendall(bytes(2**16))
        except (ConnectionResetError, BrokenPipeError):
            return
    raise AssertionError("the server went on reading")


def test_a_request_that_takes_longer_than_its_head_may_is_answered(shared: Galleries) -> None:
    path = f"galleries/{shared.staff.gallery_id.hex()}/search"
    length = f"Content-Length: {len(shared.request)}"
    with connected(shared.server.url) as end:
        half = len(shared.request) // 2
        end.sendall(head("POST", path, shared.tokens["all"], length, "Connection: close"))
        end.sendall(shared.request[:half])
        end.settimeout(0.8)
        with pytest.raises(TimeoutError):
            end.recv(1)
        end.settimeout(None)
        end.sendall(shared.request[half:])

        assert rest(end).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "request_line",
    [b"NONSENSE\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"\0" * 100],
)
def test_what_is_no_http_is_refused(shared: Galleries, request_line: bytes) -> None:
    with connected(shared.server.url) as end:
        end.sendall(request_line)

        assert rest(end).startswith(b"HTTP/1.1 400 ")

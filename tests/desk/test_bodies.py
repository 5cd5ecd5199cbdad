"""The bodies of requests: how large they may be, who may send them, and in which charset."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.desk.access import body_limits
from gallery.desk.access.scopes import DeskScope
from gallery.desk.config import DeskConfig
from gallery.server import EmbeddedService
from gallery.web import connections
from tests.support.desks import Desk, open_desk
from tests.support.galleries import random_embeddings
from tests.support.raw_http import connected, rest

API = "/v1/galleries/default"


def begin(desk: Desk, path: str, authorization: str = "") -> http.client.HTTPConnection:
    """Begin a request that promises 60,000 bytes of JSON, and send none of them."""
    connection = http.client.HTTPConnection("127.0.0.1", desk.state.config.port, timeout=20)
    connection.putrequest("POST", path)
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", "60000")
    if authorization:
        connection.putheader("Authorization", authorization)
    connection.endheaders()
    return connection


def wait_for(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    ends = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.02)


@pytest.mark.parametrize("path", ["/enter", "/lock", f"{API}/people/rename", f"{API}/undo"])
def test_requests_without_photos_are_small(desk: Desk, path: str) -> None:
    answer = desk.program(DeskScope.MANAGE).post(path, content=b" " * 100_000)

    assert answer.status_code == 413
    assert "at most 64 KiB" in answer.text


@pytest.mark.parametrize(
    "path", [f"{API}/identify", f"{API}/enroll", f"{API}/people/rename", f"{API}/people/annotate"]
)
def test_nothing_is_read_of_somebody_who_is_not_signed_in(desk: Desk, path: str) -> None:
    with closing(begin(desk, path)) as connection:
        assert connection.getresponse().status == 401


def test_the_bodies_of_all_requests_have_a_limit_together(
    service: EmbeddedService, key: GalleryKey, tmp_path: Path
) -> None:
    GalleryClient.create(service, key, dimension=8, threshold=0.3).close()
    body = {"embeddings": random_embeddings(1, 8).tolist()}
    content = json.dumps(body).encode() + b" " * 30_000
    with open_desk(service, key, tmp_path, config=DeskConfig(max_bodies=80_000)) as desk:
        program = desk.program(DeskScope.MANAGE)

        def status() -> int:
            kind = {"content-type": "application/json"}
            return program.post(f"{API}/identify", content=content, headers=kind).status_code

        def status_beside_another() -> int:
            slow = begin(desk, f"{API}/identify", program.headers["Authorization"])
            with closing(slow):
                slow.send(b" " * 59_000)
                time.sleep(0.1)
                return status()

        assert status() == 200
        wait_for(lambda: status_beside_another() == 503)
        wait_for(lambda: status() == 200)


def test_a_body_must_come_in_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    program = desk.program(DeskScope.IDENTIFY)
    monkeypatch.setattr(body_limits, "BODY_SECONDS", 0.2)

    with closing(begin(desk, f"{API}/identify", program.headers["Authorization"])) as slow:
        assert slow.getresponse().status == 408


@pytest.mark.parametrize(
    ("whole", "begun"),
    [(b"", b""), (b"", b"G"), (b"GET /nowhere HTTP/1.1\r\nHost: test\r\n\r\n", b"GET /nowh")],
)
def test_a_connection_must_say_what_it_wants_in_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, whole: bytes, begun: bytes
) -> None:
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.5)

    with connected(desk.address) as end:
        end.settimeout(20)
        if whole:
            end.sendall(whole)
            assert end.recv(2**16).startswith(b"HTTP/1.1 403")
        end.sendall(begun)
        assert rest(end).count(b"HTTP/1.1 ") == 0


def test_connections_that_ask_for_nothing_shut_nobody_out(
    service: EmbeddedService, key: GalleryKey, tmp_path: Path
) -> None:
    GalleryClient.create(service, key, dimension=8, threshold=0.3).close()
    with open_desk(service, key, tmp_path, config=DeskConfig(connections=10)) as desk:
        with ExitStack() as idle:
            for _ in range(30):
                idle.enter_context(connected(desk.address)).sendall(b"GET /he")

            assert all(desk.program().get("/healthz").status_code == 200 for _ in range(5))


@pytest.mark.parametrize("kind", ["multipart/form-data", "Multipart/Form-Data"])
@pytest.mark.parametrize("charset", ["unicode_escape", "punycode", "utf-16", "nonsense"])
def test_a_form_is_in_utf_8_alone(desk: Desk, kind: str, charset: str) -> None:
    """Python has codecs that take quadratic time, and some that give what is no text."""
    part = b'--x\r\nContent-Disposition: form-data; name="token"\r\n\r\n\\ud800\r\n--x--\r\n'

    def status(charset: str) -> int:
        headers = {"content-type": f"{kind}; boundary=x; charset={charset}"}
        return desk.program().post("/enter", content=part, headers=headers).status_code

    assert status(charset) == 422
    assert status("UTF-8") == 401


def test_the_openapi_document_says_what_bodies_hold(desk: Desk) -> None:
    paths = desk.program().get("/v1/openapi.json").json()["paths"]

    def fields(call: str) -> set[str]:
        body = paths[f"/v1/galleries/{{gallery}}/{call}"]["post"]["requestBody"]
        return set(body["content"]["application/json"]["schema"]["properties"])

    assert fields("people/rename") == {"old", "new"}
    assert {"photos", "embeddings", "label"} <= fields("match")


def test_too_many_photos_are_told_alike_however_they_come(desk: Desk) -> None:
    program = desk.program(DeskScope.MANAGE)
    files = [("photos", (f"{number}.jpg", b"x")) for number in range(101)]

    answers = [
        program.post(f"{API}/identify", files=files),
        program.post(f"{API}/identify", json={"photos": ["eA=="] * 101}),
    ]

    for answer in answers:
        assert answer.status_code == 413
        assert "at most 100 photos: send fewer" in answer.json()["detail"]
    page = desk.browser().post("/g/0/identify", files=files)
    assert (page.status_code, "at most 100 photos" in page.text) == (413, True)

"""Attacks on a desk by what reaches its port: no 500, nothing is run, kept, or served to others."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import re
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from gallery.desk.access.scopes import DeskScope
from gallery.desk.decoding import PhotoDecoder
from tests.support.desks import Desk
from tests.support.galleries import random_embeddings
from tests.support.raw_http import connected, rest

API = "/v1/galleries/default"

SCRIPT = "<script>alert(1)</script>"
NAMES = [
    SCRIPT,
    '"><img src=x onerror=alert(1)>',
    "{{7*7}}",
    "../../etc/passwd",
    "javascript:alert(1)",
]


def statuses(desk: Desk, request: bytes) -> list[int]:
    """Send bytes on a connection of their own; return the statuses of all answers."""
    with connected(desk.address) as end:
        end.settimeout(30)
        with contextlib.suppress(ConnectionError):
            end.sendall(request)
        answer = rest(end)
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def head(desk: Desk, line: str, *fields: str, body: str = "") -> bytes:
    """Return a request that names the desk as it must be named."""
    host = f"Host: 127.0.0.1:{desk.state.config.port}"
    return "\r\n".join([line, host, "Connection: close", *fields, "", body]).encode("latin-1")


def test_no_request_hides_in_the_body_of_another(desk: Desk) -> None:
    """A proxy and the desk must not see different requests in the same bytes."""
    hidden = head(desk, "GET /healthz HTTP/1.1").decode("latin-1")
    post, chunks = "POST /enter HTTP/1.1", f"0\r\n\r\n{hidden}"
    for fields in (
        [f"Content-Length: {len(chunks)}", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
        ["Transfer-Encoding: xchunked"],
        ["Transfer-Encoding : chunked"],
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: +5"],
        ["Content-Length: 5, 5"],
        ["Content-Length: -1"],
        ["Content-Length: 0x5"],
        ["X: y\rTransfer-Encoding: chunked"],
    ):
        answers = statuses(desk, head(desk, post, *fields, body=chunks))
        assert 200 not in answers, fields
        assert all(400 <= status < 500 for status in answers), fields


ODD_TARGETS = [
    "GET /static/../application.py HTTP/1.1",
    "GET /static/..%2f..%2fapplication.py HTTP/1.1",
    "GET /static/%2e%2e/application.py HTTP/1.1",
    "GET /static//etc/passwd HTTP/1.1",
    "GET /static/desk.js%00.css HTTP/1.1",
    "GET //evil.example/ HTTP/1.1",
    "GET /g/99999999999999999999/people HTTP/1.1",
    "GET /jobs/../../x HTTP/1.1",
    "TRACE / HTTP/1.1",
    "OPTIONS * HTTP/1.1",
    "CONNECT evil.example:443 HTTP/1.1",
    "GET http://evil.example/ HTTP/1.1",
    "GET / HTTP/0.9",
    "\xff\xfe / HTTP/1.1",
]


def test_odd_targets_are_refused(desk: Desk) -> None:
    for line in ODD_TARGETS:
        for status in statuses(desk, head(desk, line)):
            assert status in (303, 400, 401, 403, 404, 405), line


@pytest.mark.parametrize("name", ["Host", "Origin", "Authorization", "Content-Type"])
def test_a_field_that_decides_something_comes_once(desk: Desk, name: str) -> None:
    program = desk.program(DeskScope.MANAGE)
    right = {
        "Host": f"127.0.0.1:{desk.state.config.port}",
        "Origin": desk.address,
        "Authorization": program.headers["Authorization"],
        "Content-Type": "application/json",
        "Content-Length": "0",
        "Connection": "close",
    }
    fields = [f"{key}: {value}" for key, value in right.items()]
    wrong = {"Host": "evil.example", "Origin": "https://evil.example"}.get(name, "Bearer x")

    def locks(*lines: str) -> bool:
        request = "\r\n".join(["POST /v1/lock HTTP/1.1", *lines, "", ""]).encode()
        (status,) = statuses(desk, request)
        return status < 400

    assert not locks(*fields, f"{name}: {wrong}")
    assert not locks(f"{name}: {wrong}", *fields)
    assert not desk.state.owner.is_locked
    assert locks(*fields)


def test_cookies_of_another_port_sign_nobody_in(desk: Desk) -> None:
    """A server on another port of this host can set cookies that the desk is sent."""
    browser = desk.browser()
    own, name = browser.cookies[desk.state.cookie], desk.state.cookie
    browser.cookies.clear()

    for tossed in ("x", "", "x" * 3000, '"', "a; Path=/g"):
        answer = browser.get("/g/0/people", headers={"cookie": f"{name}={tossed}"})
        assert answer.status_code == 401
    for cookie in (f"{name}={own}; {name}=x", f"{name}=x; {name}={own}"):
        answer = browser.post("/lock", headers={"cookie": cookie, "x-form-token": "0" * 64})
        assert answer.status_code in (401, 403)
    assert not desk.state.owner.is_locked


def test_guessed_tokens_are_all_refused_alike(desk: Desk) -> None:
    token = desk.state.tokens.issue("door", DeskScope.MANAGE)
    program, answers = desk.program(), set()
    guesses = [token[:-1] + ("A" if token[-1] != "A" else "B"), token[:24], token + "A", "Ω", "-"]

    for guess in [*guesses, *(f"efd_{number:016x}_{'A' * 43}" for number in range(50))]:
        answer = program.get(
            "/v1/galleries", headers=[(b"authorization", f"Bearer {guess}".encode())]
        )
        answers.add((answer.status_code, answer.json()["detail"]))

    assert {status for status, _ in answers} == {401}
    assert len(answers) <= 2  # without a token: sign in; with a wrong one: it is unknown


def test_names_and_attributes_are_text_alone(desk: Desk) -> None:
    owner, browser = desk.program(DeskScope.MANAGE), desk.browser()
    for number, name in enumerate(NAMES):
        probe = random_embeddings(1, 8, seed=number).tolist()
        body = {"label": name, "embeddings": probe, "despite_duplicates": True}
        assert owner.post(f"{API}/enroll", json=body).status_code == 200
        annotation = {"label": name, "attributes": {"note": name}}
        assert owner.post(f"{API}/people/annotate", json=annotation).status_code == 200
        for page in (
            browser.get("/g/0/people"),
            browser.get("/g/0/people", params={"q": name}),
            browser.get("/g/0/person", params={"label": name}),
            browser.post("/g/0/person/remove", data={"label": name}),
            browser.get(f"/nowhere/{name}"),
        ):
            assert page.status_code < 500
            for markup in ("<script>alert", "<img src=x", 'href="javascript:'):
                assert markup not in page.text
            if name == "{{7*7}}":
                assert ">49<" not in page.text


def test_names_of_files_are_text_and_no_paths(photo_desk: Desk, tmp_path: Path) -> None:
    browser, before = photo_desk.browser(), sorted(tmp_path.rglob("*"))
    for name in (*NAMES, "a\r\nX-Evil: 1.jpg", "\x00.jpg", "x" * 5000, ""):
        answer = browser.post("/g/0/identify", files={"photos": (name, b"no photo")})

        assert answer.status_code in (200, 422), name
        assert "<script>alert" not in answer.text
        assert "<img src=x" not in answer.text
        assert "x-evil" not in answer.headers
    assert sorted(tmp_path.rglob("*")) == before


def test_forms_of_many_parts_are_refused_soon(desk: Desk) -> None:
    browser, part = (
        desk.browser(),
        '--x\r\nContent-Disposition: form-data; name="a{}"{}\r\n\r\n1\r\n',
    )
    kind = {"content-type": "multipart/form-data; boundary=x"}
    for more in ("", '; filename="a"'):
        body = "".join(part.format(number, more) for number in range(10_000)) + "--x--\r\n"
        answer = browser.post("/g/0/identify", content=body.encode(), headers=kind)
        assert answer.status_code in (413, 422)
    for fields in ("a: b\r\n" * 10_000, f"X: {'x' * 100_000}\r\n"):
        body = f'--x\r\nContent-Disposition: form-data; name="a"\r\n{fields}\r\n1\r\n--x--\r\n'
        answer = browser.post("/g/0/identify", content=body.encode(), headers=kind)
        assert answer.status_code in (413, 422)


EXHAUSTING = [
    '{"embeddings": [[' + "1," * 3_000_000 + "1]]}",
    '{"embeddings": ' + "[" * 100_000 + "]" * 100_000 + "}",
    '{"embeddings": [[' + "1" * 1_000_000 + "]]}",
    '{"embeddings": [[1e999]]}',
    '{"embeddings": [[NaN, Infinity, 1, 1, 1, 1, 1, 1]]}',
    '{"embeddings": [["1", "1", "1", "1", "1", "1", "1", "\\ud800"]]}',
    '{"photos": ["' + "A" * 100_000 + '"], "top": 99999999999999999999}',
    '{"photos": ["data:image/svg+xml,<svg onload=alert(1)>"]}',
    '{"__class__": "os.system", "embeddings": null}',
    "\ufeff{}",
    "null",
]


def test_documents_that_are_made_to_exhaust_are_refused_soon(desk: Desk) -> None:
    program, kind = desk.program(DeskScope.MANAGE), {"content-type": "application/json"}
    for body in EXHAUSTING:
        answer = program.post(f"{API}/identify", content=body.encode(), headers=kind)

        assert answer.status_code in (413, 422), body[:80]
        assert answer.headers["content-type"] == "application/problem+json"
        assert len(answer.text) < 1000
        assert answer.elapsed.total_seconds() < 20


def test_twenty_clients_at_once_get_answers(desk: Desk) -> None:
    bodies = [
        {
            "label": f"person {number}",
            "embeddings": random_embeddings(1, 8, seed=number).tolist(),
            "despite_duplicates": True,
        }
        for number in range(20)
    ]
    programs = [desk.program(DeskScope.MANAGE) for _ in bodies]

    def ask(number: int) -> tuple[int, str | None]:
        done = 503
        while done == 503:  # too many wait already
            done = programs[number].post(f"{API}/enroll", json=bodies[number]).status_code
        assert done == 200
        found = httpx.Response(503)
        while found.status_code == 503:
            probe = {"embeddings": bodies[number]["embeddings"]}
            found = programs[number].post(f"{API}/identify", json=probe)
        return found.status_code, found.json()["results"][0]["faces"][0]["label"]

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(ask, range(20)))

    assert answers == [(200, f"person {number}") for number in range(20)]


@pytest.fixture
def killing(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Kills the process that decodes at its work, for as many photos as the list has numbers."""
    left: list[int] = []
    decode = PhotoDecoder.decode

    def decode_killed(decoder: PhotoDecoder, *arguments: object) -> object:
        if left:
            left.pop()
            decoder.start()
            for child in multiprocessing.active_children():
                assert child.pid is not None
                os.kill(child.pid, signal.SIGSTOP)  # it hears nothing
                threading.Timer(0.2, os.kill, (child.pid, signal.SIGKILL)).start()
        return decode(decoder, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(PhotoDecoder, "decode", decode_killed)
    yield left


def test_a_decoder_that_is_killed_costs_its_photo_alone(
    photo_desk: Desk, killing: list[int]
) -> None:
    owner = photo_desk.program(DeskScope.MANAGE)
    killing.append(1)

    broken = owner.post(f"{API}/identify", files={"photos": ("a.jpg", b"a")})
    after = owner.post(f"{API}/identify", files={"photos": ("b.jpg", b"b")})

    (first,), (second,) = broken.json()["results"], after.json()["results"]
    assert (broken.status_code, after.status_code) == (200, 200)
    assert "the decoder broke on it" in first["failure"]
    assert "the decoder broke" not in second["failure"]


def test_downloads_are_not_shown_as_pages(desk: Desk) -> None:
    answer = desk.browser().post("/g/0/backup")

    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"] == "application/octet-stream"
    problem = desk.program().get("/v1/galleries")
    assert problem.headers["x-content-type-options"] == "nosniff"
    assert json.loads(problem.text)["status"] == 401


@pytest.mark.parametrize(
    ("body", "status"), [("a&" * 40_000, 413), ("a=1&" * 1000, 422), ("a=%FF;b&&=", 422)]
)
def test_forms_without_photos_are_small_where_photos_are_taken(
    desk: Desk, body: str, status: int
) -> None:
    kind = {"content-type": "application/x-www-form-urlencoded"}

    answer = desk.program(DeskScope.IDENTIFY).post(f"{API}/identify", content=body, headers=kind)

    assert answer.status_code == status


def test_a_label_of_any_length_holds_nobody_up(desk: Desk) -> None:
    """To compose a run of marks takes the square of its length, in which nothing else runs."""
    probe = random_embeddings(1, 8).tolist()
    body = {"label": "a" + "\u0300\u0327" * 2**20, "embeddings": probe}

    answer = desk.program(DeskScope.IDENTIFY).post(f"{API}/match", json=body)

    assert answer.status_code == 422
    assert answer.json()["title"] == "InvalidLabelError"

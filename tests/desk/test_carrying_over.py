"""Photos that are carried over from CompreFace, of which a small likeness answers here."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from gallery.desk.access.scopes import DeskScope
from tests.support.desks import Desk
from tests.support.photos import LondonPerson

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "compreface" / "carry_over.py"
KEY = "00000000-0000-0000-0000-000000000002"
PAGE = 2


class LikeCompreFace(ThreadingHTTPServer):
    """The calls of a recognition service that are needed, with pages of two examples."""

    def __init__(self, saved: list[tuple[str, bytes]]) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.saved = {f"{number:08}-0000": item for number, item in enumerate(saved)}
        self.fetched: list[str] = []
        self.refused = 1

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Answers(BaseHTTPRequestHandler):
    server: LikeCompreFace

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if self.headers["x-api-key"] != KEY:
            self._send(401, b'{"message": "Authentication failed"}')
        elif path == "/api/v1/recognition/faces":
            self._send(200, self._page(int(query["page"][0])))
        elif self.server.refused:
            self.server.refused -= 1
            self._send(503, b"busy")
        else:
            image_id = path.removeprefix("/api/v1/recognition/faces/").removesuffix("/img")
            self.server.fetched.append(image_id)
            self._send(200, self.server.saved[image_id][1])

    def _page(self, number: int) -> bytes:
        listed = [
            {"image_id": image_id, "subject": subject}
            for image_id, (subject, _) in self.server.saved.items()
        ]
        found = listed[PAGE * number : PAGE * (number + 1)]
        pages = -(-len(listed) // PAGE)
        return json.dumps(
            {"faces": found, "page_number": number, "page_size": PAGE, "total_pages": pages}
        ).encode()

    def _send(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def compreface(saved: list[tuple[str, bytes]]) -> Iterator[LikeCompreFace]:
    """Give a service with saved examples, each a subject and a picture."""
    with LikeCompreFace(saved) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def recognition(london: list[LondonPerson]) -> Iterator[LikeCompreFace]:
    """Two people, the second also under another name; one example without picture, one broken."""
    ada, grace = london[0], london[1]
    with compreface(
        [
            ("Ada", ada.neutral.read_bytes()),
            ("Grace", grace.neutral.read_bytes()),
            ("Eve", grace.smiling.read_bytes()),
            ("Ada", b""),
            ("Ada", b"no picture"),
        ]
    ) as server:
        yield server


def carry_over(
    desk: Desk, address: str, folder: Path, key: str = KEY
) -> subprocess.CompletedProcess[str]:
    """Run the script as a user would."""
    token = desk.state.tokens.issue(f"carry over {len(desk.state.tokens.all())}", DeskScope.MANAGE)
    return subprocess.run(
        [sys.executable, SCRIPT, "--compreface", address, "--desk", desk.address],
        cwd=folder,
        env={"COMPREFACE_KEY": key, "DESK_TOKEN": token},
        capture_output=True,
        text=True,
    )


def test_photos_are_carried_over_and_what_is_passed_over_is_told(
    photo_desk: Desk, recognition: LikeCompreFace, tmp_path: Path
) -> None:
    first = carry_over(photo_desk, recognition.address, tmp_path)

    assert first.returncode == 1, first.stderr
    assert "2 enrolled, 0 enrolled before, 0 done by earlier runs, 3 passed over" in first.stdout
    assert "'Eve', 00000002-0000: it matches 'Grace'" in first.stdout
    assert "'Ada', 00000003-0000: CompreFace has not kept the picture" in first.stdout
    assert "'Ada', 00000004-0000: The photo picture cannot be read" in first.stdout
    assert "127.0.0.1 is busy; waiting" in first.stderr
    people = photo_desk.program(DeskScope.MANAGE).get("/v1/galleries/default/people").json()
    assert [(item["label"], item["references"]) for item in people] == [("Ada", 1), ("Grace", 1)]

    recognition.fetched.clear()
    notes = tmp_path / "carried-over.txt"
    assert notes.read_text().split() == ["00000000-0000", "00000001-0000"]
    notes.write_text("00000001-0000\n")
    again = carry_over(photo_desk, recognition.address, tmp_path)

    assert "0 enrolled, 1 enrolled before, 1 done by earlier runs, 3 passed over" in again.stdout
    assert "00000001-0000" not in recognition.fetched


def test_what_ends_the_run_is_told(desk: Desk, tmp_path: Path) -> None:
    with compreface([("Ada", b"picture")]) as server:
        server.refused = 0
        refused = carry_over(desk, server.address, tmp_path, key="wrong")
        foreign = carry_over(desk, desk.address, tmp_path)
        without_model = carry_over(desk, server.address, tmp_path)
        desk.state.owner.lock()
        locked = carry_over(desk, server.address, tmp_path)
    gone = carry_over(desk, server.address, tmp_path)

    runs = [refused, foreign, without_model, locked, gone]
    assert [run.returncode for run in runs] == [2] * 5, [run.stderr for run in runs]
    assert "CompreFace answers 401" in refused.stderr
    assert "CompreFace answers 404" in foreign.stderr
    assert "the desk answers 422" in without_model.stderr
    assert "the desk answers 423: the desk is locked" in locked.stderr
    assert "does not answer" in gone.stderr
    assert all("run it again to go on" in run.stderr for run in runs)


def test_secrets_come_from_variables_or_files_alone(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    (tmp_path / "token").write_text("efd_0123456789abcdef_token\n")
    (tmp_path / "empty").touch()

    def run(*words: str, **variables: str) -> str:
        done = subprocess.run(
            [sys.executable, SCRIPT, "--compreface", "http://127.0.0.1:9", *words],
            cwd=tmp_path,
            env=variables,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 2
        return done.stderr

    assert "does not answer" in run("--key-file", "key", "--token-file", "token")
    assert "set COMPREFACE_KEY to the API key" in run("--token-file", "token")
    assert "set DESK_TOKEN to" in run("--token-file", "empty", COMPREFACE_KEY=KEY)
    assert "No such option" in run("--key", KEY, DESK_TOKEN="token")
    assert "holds is not the desk's token" in run(COMPREFACE_KEY=KEY, DESK_TOKEN="a\nb")

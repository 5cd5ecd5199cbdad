"""The examples of the desk's page in the documents, against a desk that runs."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from gallery.desk.access.scopes import DeskScope
from tests.support.desks import Desk
from tests.support.documents import DOCS, blocks_of
from tests.support.photos import LondonPerson

ADDRESS = "http://127.0.0.1:8480"


@pytest.fixture
def token(
    photo_desk: Desk,
    london: list[LondonPerson],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """A token of a desk that knows Ada, whose other photo lies in the working folder."""
    person = london[0]
    files = {"photos": ("ada.jpg", person.neutral.read_bytes(), "image/jpeg")}
    owner = photo_desk.program(DeskScope.ENROLL)
    owner.post("/v1/galleries/default/enroll", data={"label": "Ada"}, files=files)
    shutil.copy(person.smiling, tmp_path / "visitor.jpg")
    monkeypatch.chdir(tmp_path)
    return photo_desk.state.tokens.issue("door", DeskScope.IDENTIFY)


def test_the_python_example_finds_ada(
    photo_desk: Desk, token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (python,) = blocks_of(DOCS / "desk.md", "python")
    exec(compile(python.replace(ADDRESS, photo_desk.address), "example", "exec"), {"token": token})
    assert capsys.readouterr().out == "match Ada\n"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_curl_example_finds_ada(photo_desk: Desk, token: str) -> None:
    (curl,) = [code for code in blocks_of(DOCS / "desk.md", "sh") if code.startswith("curl")]
    command = curl.replace(ADDRESS, photo_desk.address)
    done = subprocess.run(
        ["sh", "-c", command], env={"TOKEN": token, "PATH": "/usr/bin:/bin"}, capture_output=True
    )
    (found,) = json.loads(done.stdout)["results"]
    assert [face["label"] for face in found["faces"]] == ["Ada"]

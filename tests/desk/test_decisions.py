"""The owner's log of decisions at the desk: what searches leave in it, and who may read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.desk.access.scopes import DeskScope
from gallery.desk.decisions.log import DecisionLog
from gallery.server import EmbeddedService
from tests.support.desks import PASSPHRASE, Desk, open_desk
from tests.support.galleries import random_embeddings

API = "/v1/galleries/default"
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the log is."""
    return tmp_path / "desk.key.desk-decisions"


@pytest.fixture
def desk(service: EmbeddedService, key: GalleryKey, tmp_path: Path, path: Path) -> Iterator[Desk]:
    """A desk over two galleries of embeddings that keeps a log; one person is called a script."""
    for name in ("default", "other"):
        GalleryClient.create(service, key, name, dimension=8, threshold=0.3).close()
    with GalleryClient(service, key, "default") as client:
        client.enroll(random_embeddings(1, 8), [SCRIPT])
    log = DecisionLog(path, 90)
    with open_desk(service, key, tmp_path, ("default", "other"), log=log) as opened:
        yield opened


def search(desk: Desk, token: str, *, gallery: str = "default", label: str | None = None) -> None:
    """Search with the person who is enrolled and a stranger, or compare these with one."""
    program = desk.program()
    program.headers["Authorization"] = f"Bearer {token}"
    body: dict[str, Any] = {"embeddings": random_embeddings(2, 8).tolist()}
    how = "identify" if label is None else "match"
    if label is not None:
        body["label"] = label
    assert program.post(f"/v1/galleries/{gallery}/{how}", json=body).status_code == 200


def test_a_log_says_who_searched_and_what_was_decided(desk: Desk, path: Path) -> None:
    door = desk.state.tokens.issue("door", DeskScope.IDENTIFY)
    search(desk, door)
    search(desk, door, label="nobody of this name")
    search(desk, door, gallery="other")

    found = desk.program(DeskScope.MANAGE).get(f"{API}/decisions").json()
    assert [(item["operator"], item["how"]) for item in found["decisions"]] == [
        ("door", "match"),
        ("door", "api"),
    ]
    assert found["decisions"][1]["faces"] == [
        {"decision": "match", "label": SCRIPT},
        {"decision": "non-match", "label": None},
    ]
    assert (found["problem"], found["older"]) == (None, False)
    place = found["decisions"][0]["place"]
    older = desk.program(DeskScope.MANAGE).get(f"{API}/decisions?before={place}&limit=1").json()
    assert [item["how"] for item in older["decisions"]] == ["api"]

    shown = desk.browser().get("/g/0/decisions").text
    assert "&lt;script&gt;alert(1)" in shown
    assert SCRIPT not in shown
    assert "door" in shown
    assert "door" in desk.browser().get("/g/1/decisions").text
    assert b"door" not in path.read_bytes()


def test_only_who_manages_reads_it_and_no_other_gallery(desk: Desk) -> None:
    search(desk, desk.state.tokens.issue("door", DeskScope.IDENTIFY))
    for scope in (DeskScope.IDENTIFY, DeskScope.ENROLL):
        assert desk.program(scope).get(f"{API}/decisions").status_code == 403
    assert desk.program().get(f"{API}/decisions").status_code == 401
    token = desk.state.tokens.issue("theirs", DeskScope.MANAGE, galleries=("other",))
    theirs = desk.program()
    theirs.headers["Authorization"] = f"Bearer {token}"
    assert theirs.get(f"{API}/decisions").status_code == 404
    assert theirs.get("/v1/galleries/other/decisions").json()["decisions"] == []
    desk.state.owner.lock()
    assert desk.program(DeskScope.MANAGE).get(f"{API}/decisions").status_code == 423


def test_searches_go_on_without_their_log_and_the_desk_says_so(desk: Desk, path: Path) -> None:
    desk.state.owner.lock()
    path.write_bytes(b"somebody else's file, which is long enough")
    desk.state.owner.unlock(PASSPHRASE)
    search(desk, desk.state.tokens.issue("door", DeskScope.IDENTIFY))

    owner = desk.program(DeskScope.MANAGE).get(f"{API}/decisions")
    assert (owner.status_code, owner.json()["title"]) == (503, "DecisionLogError")
    assert "move it away" in owner.json()["detail"]
    page = desk.browser().get("/g/0/identify").text
    assert "Decisions are not logged" in page
    assert str(path) in page
    kiosk = desk.program()
    kiosk.post("/enter", data={"token": desk.state.tokens.issue("kiosk", DeskScope.IDENTIFY)})
    told = kiosk.get("/g/0/identify").text
    assert "Decisions are not logged" in told
    assert str(path) not in told


def test_a_desk_keeps_no_log_unless_it_is_told_to(
    service: EmbeddedService, key: GalleryKey, tmp_path: Path, path: Path
) -> None:
    GalleryClient.create(service, key, dimension=8, threshold=0.3).close()
    with open_desk(service, key, tmp_path) as desk:
        search(desk, desk.state.tokens.issue("door", DeskScope.IDENTIFY))
        told = desk.program(DeskScope.MANAGE).get(f"{API}/decisions")
        assert (told.status_code, "keeps no log" in told.text) == (404, True)
        assert "decisions" not in desk.browser().get("/g/0/gallery").text
    assert not path.exists()

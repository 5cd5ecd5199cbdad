"""Enrollment at the desk: duplicates, undoing, copies, and what becomes of it when it is locked.

Photos are patterns, embedded without a detector, so that each is one face.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gallery.client import Enrollment, GalleryClient, GalleryKey, LabelledPhoto, PhotoEmbedder
from gallery.desk.access.scopes import DeskScope
from gallery.messages import ModelOrigin
from gallery.server import EmbeddedService
from tests.support.desks import Desk, open_desk
from tests.support.galleries import random_embeddings
from tests.support.patterns import write_pattern

API = "/v1/galleries/default"
LIMIT = 0.002

OTHERS = ModelOrigin("onnx", "0.0.1", b"m" * 32, b"d" * 32)


@pytest.fixture
def warned() -> list[str]:
    """What the galleries of the desk warn of."""
    return []


@pytest.fixture
def pattern_desk(
    service: EmbeddedService,
    key: GalleryKey,
    tmp_path: Path,
    deepface_home: Path,
    warned: list[str],
) -> Iterator[Desk]:
    """A desk over two galleries for photos; the second was made by another DeepFace."""
    made_by = PhotoEmbedder("Dlib", "skip", download=False).preprocessing
    for name, origin in (("default", None), ("other", OTHERS)):
        GalleryClient.create(
            service,
            key,
            name,
            dimension=128,
            preprocessing=made_by,
            threshold=LIMIT,
            origin=origin,
        ).close()

    def open_client(opened: GalleryKey, name: str) -> GalleryClient:
        return GalleryClient(service, opened, name, warn=warned.append)

    with open_desk(service, key, tmp_path, ("default", "other"), open_client=open_client) as opened:
        yield opened


def post(program: httpx.Client, label: str, row: list[float], **more: Any) -> dict[str, Any]:
    """Enroll an embedding and return the answer."""
    body = {"label": label, "embeddings": [row], **more}
    answer: dict[str, Any] = program.post(f"{API}/enroll", json=body).json()
    return answer


def labels(desk: Desk) -> list[str]:
    """Return who is enrolled."""
    people = desk.program(DeskScope.MANAGE).get(f"{API}/people").json()
    return [item["label"] for item in people]


def test_undo_erases_what_it_names_and_nothing_else(desk: Desk) -> None:
    guard, rows = desk.program(DeskScope.ENROLL), random_embeddings(2, 8).tolist()
    ada = post(guard, "Ada", rows[0])["undo"]
    eve = post(guard, "Eve", rows[1])["undo"]

    late = guard.post(f"{API}/undo", params={"enrollment": ada})
    done = guard.post(f"{API}/undo", params={"enrollment": eve})
    again = guard.post(f"{API}/undo", params={"enrollment": eve})

    assert (late.status_code, done.json(), again.status_code) == (422, {"references": 1}, 422)
    assert labels(desk) == ["Ada"]


def test_undo_is_for_who_enrolled_and_for_who_manages(desk: Desk) -> None:
    guard, other = desk.program(DeskScope.ENROLL), desk.program(DeskScope.ENROLL)
    owner, row = desk.program(DeskScope.MANAGE), random_embeddings(1, 8).tolist()[0]
    undo = {"enrollment": post(guard, "Ada", row)["undo"]}

    assert other.post(f"{API}/undo", params=undo).status_code == 403
    assert labels(desk) == ["Ada"]
    assert owner.post(f"{API}/undo", params=undo).status_code == 200
    assert labels(desk) == []


def test_a_token_inherits_nothing_of_a_revoked_one_of_its_name(desk: Desk) -> None:
    tokens, guard = desk.state.tokens, desk.program()
    guard.headers["Authorization"] = f"Bearer {tokens.issue('guard', DeskScope.ENROLL)}"
    undo = {"enrollment": post(guard, "Ada", random_embeddings(1, 8).tolist()[0])["undo"]}
    tokens.revoke("guard")
    guard.headers["Authorization"] = f"Bearer {tokens.issue('guard', DeskScope.ENROLL)}"

    assert guard.post(f"{API}/undo", params=undo).status_code == 403
    assert labels(desk) == ["Ada"]


def test_what_was_erased_meanwhile_is_not_undone_again_and_again(desk: Desk) -> None:
    owner, rows = desk.program(DeskScope.MANAGE), random_embeddings(2, 8).tolist()
    undo = post(owner, "Ada", rows[0])["undo"]
    owner.delete(f"{API}/people", params={"label": "Ada"})

    gone = owner.post(f"{API}/undo", params={"enrollment": undo})
    assert (gone.status_code, "erased already" in gone.text) == (422, True)
    assert 'name="enrollment"' not in desk.browser().get("/g/0/enroll").text


def test_ready_embeddings_are_searched_for_duplicates_too(desk: Desk) -> None:
    guard, row = desk.program(DeskScope.ENROLL), random_embeddings(1, 8).tolist()[0]
    post(guard, "Ada", row)

    held = post(guard, "Eve", row)
    assert (held["added"], [item["label"] for item in held["duplicates"]]) == ([], ["Ada"])
    insisted = post(guard, "Eve", row, despite_duplicates=True)
    assert len(insisted["added"]) == 1
    assert labels(desk) == ["Ada", "Eve"]


def test_a_gallery_without_a_threshold_takes_embeddings(
    service: EmbeddedService, key: GalleryKey, tmp_path: Path
) -> None:
    GalleryClient.create(service, key, dimension=8).close()
    with open_desk(service, key, tmp_path) as desk:
        row = random_embeddings(1, 8).tolist()[0]
        assert len(post(desk.program(DeskScope.ENROLL), "Ada", row)["added"]) == 1


def send(browser: httpx.Client, label: str, *paths: Path, **more: str) -> str:
    """Enroll photos by the page, without scripts, and return what it shows."""
    files = [("photos", (path.name, path.read_bytes(), "image/png")) for path in paths]
    answer = browser.post("/g/0/enroll", data={"label": label, **more}, files=files)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_a_photo_that_the_desk_enrolled_is_known_to_the_commands(
    pattern_desk: Desk, tmp_path: Path
) -> None:
    path = write_pattern(tmp_path / "ada.png", 1)
    send(pattern_desk.browser(), "Ada", path)

    with pattern_desk.state.owner.gallery("default") as opened:
        origin = opened.client.description.origin
        again = opened.client.enroll_photos([LabelledPhoto(path, "Ada")])

    assert (len(again.added), len(again.skipped)) == (0, 1)
    assert origin is not None
    assert origin.model_digest != OTHERS.model_digest


def test_galleries_that_share_a_model_are_each_compared_with_theirs(
    pattern_desk: Desk, tmp_path: Path, warned: list[str]
) -> None:
    browser, photo = pattern_desk.browser(), write_pattern(tmp_path / "ada.png", 1)
    send(browser, "Ada", photo)
    files = {"photos": (photo.name, photo.read_bytes(), "image/png")}

    assert browser.post("/g/1/identify", files=files).status_code == 200

    assert any("gallery 'other'" in text for text in warned)


def test_a_photo_that_is_unlike_the_others_of_its_name_is_told(
    pattern_desk: Desk, tmp_path: Path
) -> None:
    browser = pattern_desk.browser()
    send(browser, "Ada", write_pattern(tmp_path / "1.png", 1))

    said = send(browser, "Ada", write_pattern(tmp_path / "unlike.png", 2))

    assert "Enrolled, but not like the other photos of this name" in said
    assert "<strong>unlike.png</strong>" in said


def test_without_scripts_a_box_says_that_they_are_different_people(
    pattern_desk: Desk, tmp_path: Path
) -> None:
    browser, photo = pattern_desk.browser(), write_pattern(tmp_path / "ada.png", 1)
    assert 'name="despite_duplicates"' not in send(browser, "Ada", photo)

    held = send(browser, "Eve", write_pattern(tmp_path / "close.png", 1, 2))

    assert "data-again" not in held
    (box,) = re.findall(r'<input type="checkbox" id="despite" name="([a-z_]+)">', held)
    assert 'value="Eve"' in held
    assert "of Eve was enrolled" in send(browser, "Eve", photo, **{box: "on"})


def test_an_enrollment_is_told_although_the_desk_is_locked_meanwhile(
    pattern_desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enroll, locking = GalleryClient.enroll, threading.Thread(target=pattern_desk.state.owner.lock)

    def lock_after(client: GalleryClient, *given: Any, **named: Any) -> Enrollment:
        done = enroll(client, *given, **named)
        locking.start()
        while not pattern_desk.state.owner.is_locked:
            pass
        return done

    monkeypatch.setattr(GalleryClient, "enroll", lock_after)

    said = send(pattern_desk.browser(), "Ada", write_pattern(tmp_path / "ada.png", 1))

    locking.join()
    assert "1 photo of Ada was enrolled." in said

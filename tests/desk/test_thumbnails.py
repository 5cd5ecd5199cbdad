"""Thumbnails at the desk: sealed, shown to who manages, and erased with their references.

Photos are patterns, embedded without a detector, so that each is one face.
"""

from __future__ import annotations

import base64
import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from gallery.client import GalleryClient, GalleryKey, PhotoEmbedder
from gallery.commands.desk import erase_thumbnails
from gallery.desk.access.scopes import DeskScope
from gallery.desk.thumbnails import SEALED, SIDE, ThumbnailFolder
from gallery.server import open_service
from tests.support.desks import Desk, open_desk
from tests.support.patterns import write_pattern

API = "/v1/galleries/default"
PICTURE = re.compile('src="data:image/jpeg;base64,([^"]+)"')


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for a database, a key file and what is kept beside that."""
    return tmp_path_factory.mktemp("desk")


@pytest.fixture(scope="module")
def shared_desk(key: GalleryKey, place: Path, deepface_home: Path) -> Iterator[Desk]:
    """A desk that keeps thumbnails, over a gallery that takes any picture for a face."""
    made_by = PhotoEmbedder("Dlib", "skip", download=False).preprocessing
    kept = ThumbnailFolder(place / "desk.key.desk-thumbnails", wanted=True)
    with open_service(f"sqlite:///{place / 'gallery.db'}", create=True) as service:
        GalleryClient.create(
            service, key, dimension=128, preprocessing=made_by, threshold=0.0
        ).close()
        with open_desk(service, key, place, thumbnails=kept) as opened:
            yield opened


@pytest.fixture
def folder(place: Path) -> Path:
    """Where thumbnails are, beside the key file."""
    return place / "desk.key.desk-thumbnails"


@pytest.fixture
def desk(shared_desk: Desk, folder: Path) -> Iterator[Desk]:
    """That desk, over an empty gallery and without thumbnails."""
    yield shared_desk
    with shared_desk.state.owner.gallery("default") as opened:
        if people := opened.client.people():
            opened.client.remove(labels=[person.label for person in people])
    folder.unlink() if folder.is_file() else shutil.rmtree(folder, ignore_errors=True)


def enroll(browser: httpx.Client, label: str, *paths: Path) -> str:
    """Enroll photos by the page, and return what it shows."""
    files = [("photos", (path.name, path.read_bytes(), "image/png")) for path in paths]
    answer = browser.post("/g/0/enroll", data={"label": label}, files=files)
    assert answer.status_code == 200, answer.text
    return answer.text


def kept(folder: Path) -> list[Path]:
    """Return the files of thumbnails."""
    return sorted(folder.rglob("*.thumbnail"))


def test_thumbnails_are_sealed_shown_and_erased(
    desk: Desk, folder: Path, place: Path, tmp_path: Path
) -> None:
    browser = desk.browser()
    red = tmp_path / "red.png"
    Image.new("RGB", (300, 200), (250, 10, 10)).save(red)
    enroll(browser, "Ada", red, write_pattern(tmp_path / "1.png", 1))
    enroll(browser, "Eve", write_pattern(tmp_path / "2.png", 2))

    files = kept(folder)
    assert [path.stat().st_size for path in files] == [SEALED] * 3
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in files)
    assert not any(b"JFIF" in path.read_bytes() for path in files)
    assert b"JFIF" not in (place / "gallery.db").read_bytes()
    assert len(PICTURE.findall(browser.get("/g/0/people").text)) == 2
    shown = PICTURE.findall(browser.post("/g/0/person", data={"label": "Ada"}).text)
    pictures = [Image.open(io.BytesIO(base64.b64decode(item))) for item in shown]
    assert [picture.size for picture in pictures] == [(SIDE, SIDE)] * 2
    middles = [picture.getpixel((SIDE // 2, SIDE // 2)) for picture in pictures]
    assert any(abs(r - 250) < 9 and g < 30 and b < 30 for r, g, b in middles)  # type: ignore[misc]

    browser.post("/g/0/person/rename", data={"label": "Ada", "new": "Grace"})
    assert kept(folder) == files
    browser.post("/g/0/person/remove", data={"label": "Grace", "sure": "on"})
    assert len(kept(folder)) == 1
    program = desk.program(DeskScope.MANAGE)
    assert program.delete(f"{API}/people", params={"label": "Eve"}).is_success
    assert kept(folder) == []

    said = enroll(browser, "Kay", *(write_pattern(tmp_path / f"{n}.png", n) for n in (3, 4)))
    (first, _) = kept(folder)
    assert program.delete(f"{API}/references/{first.stem}").is_success
    assert len(kept(folder)) == 1
    (undo,) = re.findall(r'name="enrollment" value="([^"]+)"', said)
    browser.post("/g/0/undo", data={"enrollment": undo})
    assert kept(folder) == []


def test_what_others_erased_or_changed_is_not_shown(
    desk: Desk, folder: Path, tmp_path: Path
) -> None:
    browser = desk.browser()
    for number, label in enumerate(("Ada", "Eve", "Kay")):
        enroll(browser, label, write_pattern(tmp_path / f"{number}.png", number))
    with desk.state.owner.gallery("default") as opened:
        ids = {item.label: item.reference_id for item in opened.client.references()}
        gallery_id = opened.client.description.gallery_id
        opened.client.remove(labels=["Ada"])  # as a program does that knows no thumbnails
    places = {label: folder / gallery_id.hex() / f"{ids[label]}.thumbnail" for label in ids}

    assert places["Ada"].exists()
    places["Eve"].write_bytes(places["Kay"].read_bytes())
    places["Kay"].write_bytes(places["Kay"].read_bytes()[:-1])
    assert PICTURE.findall(browser.get("/g/0/people").text) == []
    assert not places["Ada"].exists()
    erase_thumbnails(folder.with_name("desk.key"), gallery_id, [ids["Eve"], "0" * 32])
    assert not places["Eve"].exists()


def test_an_enrollment_goes_on_without_its_thumbnail_and_says_so(
    desk: Desk, folder: Path, tmp_path: Path
) -> None:
    folder.write_text("a file where the folder should be")
    browser = desk.browser()

    said = enroll(browser, "<script>alert(1)</script>", write_pattern(tmp_path / "1.png", 1))

    assert "was enrolled" in said
    assert "Some thumbnails could not be kept" in browser.get("/g/0/people").text


def test_unless_they_are_asked_for_none_are_made_and_former_ones_are_erased(
    desk: Desk, folder: Path, place: Path, key: GalleryKey, tmp_path: Path
) -> None:
    enroll(desk.browser(), "Ada", write_pattern(tmp_path / "1.png", 1))
    assert len(kept(folder)) == 1

    unwanted = ThumbnailFolder(folder, wanted=False)
    with (
        open_service(f"sqlite:///{place / 'gallery.db'}") as service,
        open_desk(service, key, tmp_path, thumbnails=unwanted) as without,
    ):
        browser = without.browser()
        enroll(browser, "Eve", write_pattern(tmp_path / "2.png", 2))
        assert len(kept(folder)) == 1
        assert PICTURE.findall(browser.get("/g/0/people").text) == []
        browser.post("/g/0/person/remove", data={"label": "Ada", "sure": "on"})
    assert kept(folder) == []

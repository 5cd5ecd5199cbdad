"""A folder of people at the desk: what is taken, held, passed over, and taken back.

Photos are patterns, embedded without a detector, so that each is one face.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gallery.client import GalleryClient, GalleryKey, PhotoEmbedder
from gallery.desk.access.scopes import DeskScope
from gallery.server import open_service
from tests.support.desks import PASSPHRASE, Desk, open_desk
from tests.support.patterns import write_pattern

LIMIT = 0.002


@pytest.fixture(scope="module")
def shared_desk(
    key: GalleryKey, tmp_path_factory: pytest.TempPathFactory, deepface_home: Path
) -> Iterator[Desk]:
    """A desk over a gallery that takes any picture for a face, one for all tests here."""
    folder = tmp_path_factory.mktemp("desk")
    made_by = PhotoEmbedder("Dlib", "skip", download=False).preprocessing
    with open_service(f"sqlite:///{folder / 'gallery.db'}", create=True) as service:
        GalleryClient.create(
            service, key, dimension=128, preprocessing=made_by, threshold=LIMIT
        ).close()
        with open_desk(service, key, folder) as opened:
            yield opened


@pytest.fixture
def pattern_desk(shared_desk: Desk) -> Iterator[Desk]:
    """That desk, over an empty gallery."""
    yield shared_desk
    with shared_desk.state.owner.gallery("default") as opened:
        if people := opened.client.people():
            opened.client.remove(labels=[person.label for person in people])


class Sender:
    """Sends a folder as the page's script does."""

    def __init__(self, browser: httpx.Client) -> None:
        self._browser, self.batch = browser, ""

    def step(self, step: str, uploads: list[bytes] = [], **fields: Any) -> httpx.Response:  # noqa: B006
        """Send one step."""
        texts = {name: json.dumps(value) for name, value in fields.items()}
        data = {"step": step, "batch": self.batch, **texts}
        files = [("photos", ("file", data, "image/png")) for data in uploads]
        answer = self._browser.post(
            "/g/0/folder", data=data, files=files, headers={"X-Fragment": "1"}
        )
        if answer.headers["content-type"] == "application/json":
            self.batch = answer.json()["batch"]
        return answer

    def folder(self, files: dict[str, bytes]) -> str:
        """Send a whole folder by its paths, and return what the page shows at the end."""
        for path, data in files.items():
            if path.endswith("/.galleryignore"):
                self.step("names", [data], paths=[path])
        paths = list(files)
        wanted = [paths[place] for place in self.step("names", paths=paths).json()["wanted"]]
        answer = self.step("photos", [files[path] for path in wanted], paths=wanted)
        assert answer.status_code == 200, answer.text
        return self.step("end").text


def labels(desk: Desk) -> dict[str, int]:
    """Return who is enrolled, with how many references."""
    people = desk.program(DeskScope.MANAGE).get("/v1/galleries/default/people").json()
    return {item["label"]: item["references"] for item in people}


def test_a_folder_is_read_as_the_command_reads_it(pattern_desk: Desk, tmp_path: Path) -> None:
    one, two, three = (
        write_pattern(tmp_path / f"{number}.png", number).read_bytes() for number in (1, 2, 3)
    )
    sender = Sender(pattern_desk.browser())
    said = sender.folder(
        {
            "staff/.galleryignore": b"old/\n",
            "staff/Ada/1.png": one,
            "staff/Ada/again.png": one,
            "staff/Ada/old/2.png": two,
            "staff/Ada/.hidden/2.png": two,
            "staff/Ada/.hidden/3.png": three,
            "staff/Eve/deep/2.jpg": two,
            "staff/Eve/notes.txt": b"no photo",
            "staff/Eve/Thumbs.db": b"litter",
            "staff/Nobody/notes.txt": b"no photo",
            "staff/loose.png": three,
            "staff/<script>alert(1)</script>/bad.png": b"\x89PNG\r\n\x1a\nbroken",
            "staff/../../etc/passwd.png": three,
        }
    )

    assert labels(pattern_desk) == {"Ada": 1, "Eve": 1}
    assert "2 photos were enrolled" in said
    assert "of 2 people" in said
    assert re.findall(r"<li>([a-z][^<]*): (\d+)</li>", said) == [
        ("hidden", "2"),
        ("no photo", "2"),
        ("named in .galleryignore", "1"),
        ("made by a system or a NAS for itself", "1"),
    ]
    assert "<strong>Nobody</strong>: the folder holds no photo" in said
    assert "<strong>staff/loose.png</strong>: it is in no person" in said
    assert "&lt;script&gt;alert(1)&lt;/script&gt;/bad.png" in said
    assert "<script>alert" not in said


def test_a_folder_that_was_interrupted_is_finished_by_sending_it_again(
    pattern_desk: Desk, tmp_path: Path
) -> None:
    files = {
        f"staff/P{number}/a.png": write_pattern(tmp_path / f"{number}.png", number).read_bytes()
        for number in (1, 2, 3)
    }
    first = dict(list(files.items())[:2])
    browser = pattern_desk.browser()
    broken = Sender(browser)
    broken.step("names", paths=list(files))
    broken.step("photos", [*first.values()], paths=[*first])

    said = Sender(browser).folder(files)

    assert "1 photo was enrolled" in said
    assert "2 photos were enrolled before" in said
    assert len(labels(pattern_desk)) == 3


def test_who_matches_another_person_waits_and_one_undo_takes_back_all(
    pattern_desk: Desk, tmp_path: Path
) -> None:
    browser = pattern_desk.browser()
    sender = Sender(browser)
    said = sender.folder(
        {
            "staff/Ada/1.png": write_pattern(tmp_path / "1.png", 1).read_bytes(),
            "staff/Eve/1.png": write_pattern(tmp_path / "2.png", 1, 2).read_bytes(),
            "staff/Kay/3.png": write_pattern(tmp_path / "3.png", 3).read_bytes(),
        }
    )
    assert labels(pattern_desk) == {"Ada": 1, "Kay": 1}
    assert re.search(
        r"<strong>Eve</strong> \(1 photo\):\s+close to Ada \(distance [\d.e-]+, limit", said
    )

    nothing = browser.post("/g/0/folder/accept", data={"batch": sender.batch})
    assert (nothing.status_code, "Tick those" in nothing.text) == (422, True)
    # A pair that was not there when the page was shown is not taken for one that was.
    stale = browser.post("/g/0/folder/accept", data={"batch": sender.batch, "pair-0": "on"})
    assert stale.status_code == 422
    (pair,) = re.findall(r'name="(pair-[^"]+)"', said)
    said = browser.post("/g/0/folder/accept", data={"batch": sender.batch, pair: "on"}).text
    assert "3 photos were enrolled" in said
    assert labels(pattern_desk) == {"Ada": 1, "Eve": 1, "Kay": 1}

    (undo,) = re.findall(r'name="enrollment" value="([^"]+)"', said)
    undone = browser.post("/g/0/undo", data={"enrollment": undo}).text
    assert "The enrollment of staff was undone: 3 references erased." in undone
    assert labels(pattern_desk) == {}


def test_without_scripts_a_small_folder_comes_at_once(pattern_desk: Desk, tmp_path: Path) -> None:
    photo = write_pattern(tmp_path / "1.png", 1).read_bytes()
    files = [
        ("photos", ("staff/.galleryignore", b"*.bmp", "text/plain")),
        ("photos", ("staff/Ada/1.png", photo, "image/png")),
        ("photos", ("staff/Ada/2.bmp", photo, "image/bmp")),
    ]
    answer = pattern_desk.browser().post("/g/0/folder", files=files)

    assert answer.status_code == 200
    assert "named in .galleryignore: 1" in answer.text
    assert labels(pattern_desk) == {"Ada": 1}


def test_names_with_halves_of_characters_are_shown_with_a_sign_in_their_place(
    pattern_desk: Desk,
) -> None:
    """As a browser sends what a disk of Windows may have."""
    browser, half = pattern_desk.browser(), r"\ud800"
    names = {"step": "names", "paths": f'["{half}/{half}/{half}.jpg"]'}
    batch = browser.post("/g/0/folder", data=names).json()["batch"]
    for field, value in (("unread", f'["x/y/{half}.jpg"]'), ("large", f'[["z/{half}","ffd8ff"]]')):
        sent = {"step": "photos", "batch": batch, field: value}
        assert browser.post("/g/0/folder", data=sent).status_code == 200

    report = browser.post("/g/0/folder", data={"step": "end", "batch": batch})

    assert report.status_code == 200
    assert "x/y/\ufffd.jpg" in report.text


def test_a_folder_is_gone_on_with_by_who_began_it(pattern_desk: Desk) -> None:
    sender = Sender(pattern_desk.browser())
    sender.step("names", paths=["staff/Ada/1.png"])
    owners = sender.batch

    for batch in (owners + "x", "../" + owners):
        sender.batch = batch
        assert sender.step("end").status_code == 422
    pattern_desk.state.owner.lock()
    pattern_desk.state.owner.unlock(PASSPHRASE)
    sender.batch = owners
    assert "send it again" in sender.step("end").text


@pytest.mark.parametrize(
    "fields",
    [
        {"step": "photos", "paths": "{"},
        {"step": "photos", "paths": "[" * 9000},
        {"step": "photos", "paths": '["a/b/c.png"]'},
        {"step": "photos", "paths": "[1]"},
        {"step": "photos", "large": '[["a/b/c.png", "no hex"]]'},
        {"step": "photos", "large": '["a"]'},
        {"step": "names", "paths": "{}"},
        {"step": "nothing"},
        {},
    ],
)
def test_what_is_no_piece_of_a_folder_is_refused(
    pattern_desk: Desk, fields: dict[str, str]
) -> None:
    answer = pattern_desk.browser().post("/g/0/folder", data=fields)
    assert answer.status_code == 422

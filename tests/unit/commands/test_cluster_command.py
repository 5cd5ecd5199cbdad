"""``gallery cluster``: what it refuses, and what it says; real faces are searched end to end."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from tests.support.patterns import write_pattern
from tests.support.photos import deepface_home
from tests.unit.commands.conftest import Command

__all__ = ["deepface_home"]


@pytest.fixture
def filled(command: Command, deepface_home: Path) -> Command:
    """Runs commands on a gallery that holds pattern 1, beside a folder of photos."""
    command("key", "new", "--no-passphrase")
    command("init", "--model", "Dlib", "--detector", "skip")
    assert command("enroll", write_pattern(Path("1.png"), 1), "--label", "Ada").code == 0
    for name, pattern, version in (("a", 1, 1), ("b", 2, 0), ("c", 2, 1), ("d", 3, 0)):
        write_pattern(Path(f"photos/{name}.png"), pattern, version)
    return command


def test_faces_that_match_nobody_are_written_into_folders(filled: Command) -> None:
    Path("photos/broken.jpg").write_bytes(b"\xff\xd8\xff")

    done = filled("cluster", "photos", "--threshold", "0.002")

    assert done.code == 1
    assert [line.split() for line in done.out.splitlines()] == [
        ["folder", "faces"],
        ["unknown-faces/alone", "1"],
        ["unknown-faces/unknown", "1", "2"],
    ]
    assert "not looked at: photos/broken.jpg: " in done.err
    assert "5 photos; 1 face of known people, 2 in 1 group, 1 alone" in done.err
    assert sorted(path.name for path in Path("unknown-faces/unknown 1").iterdir()) == [
        "b face 1.jpg",
        "c face 1.jpg",
    ]


def test_csv_has_a_line_for_each_face(filled: Command) -> None:
    done = filled("cluster", "photos", "--threshold", "0.002", "--csv")

    rows = list(csv.DictReader(done.out.splitlines()))
    assert [(row["probe"], row["group"]) for row in rows] == [
        ("photos/b.png", "unknown 1"),
        ("photos/c.png", "unknown 1"),
        ("photos/d.png", "alone"),
    ]
    shutil.rmtree("unknown-faces")
    (record,) = filled("cluster", "photos", "--threshold", "0.002", "--json").records
    for row, face in zip(rows, record["faces"], strict=True):
        quality, box = face.pop("quality"), face.pop("box")
        assert {*row} == {*face, *quality, *(box or ("left", "top", "width", "height"))}
        assert (row["face_size"], float(row["sharpness"])) == (
            str(quality["face_size"]), quality["sharpness"]
        )  # fmt: skip


def test_who_has_expired_is_no_stranger(filled: Command) -> None:
    assert filled("annotate", "Ada", "--expires", "2001-02-03").code == 0

    done = filled("cluster", "photos", "--threshold", "0.002")

    assert "4 photos; 1 face of known people, 2 in 1 group, 1 alone" in done.err


def test_what_cannot_be_written_is_refused_before_anything_is_embedded(filled: Command) -> None:
    within = filled("cluster", "photos", "--to", "photos/out")
    busy = filled("cluster", "photos", "--to", "photos/..")

    assert (within.code, busy.code) == (2, 50)
    assert "must not lie within photos" in within.err
    assert "holds something already" in busy.err
    assert filled("cluster", "photos", "--min-faces", "1").code == 2

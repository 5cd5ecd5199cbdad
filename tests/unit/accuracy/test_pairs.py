"""Lists of pairs in LFW's layout."""

from __future__ import annotations

from pathlib import Path

import pytest

from gallery.accuracy.pairs import read_pairs
from gallery.errors import SourceError


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with photos of two people; what is in them does not matter here."""
    for name, index, extension in (("Ada_L", 1, "jpg"), ("Ada_L", 4, "jpg"), ("Bo", 2, "png")):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / f"{name}_{index:04d}.{extension}").touch()
    return tmp_path


@pytest.mark.parametrize("header", ["10\t300\n", "1\n", ""])
def test_each_photo_that_is_mentioned_is_taken_once(photos: Path, header: str) -> None:
    path = photos / "pairs.txt"
    path.write_text(header + "Ada_L\t1\t4\nAda_L\t4\tBo\t2\n\n")

    found = [(photo.label, photo.path.name) for photo in read_pairs(path)]

    assert found == [
        ("Ada_L", "Ada_L_0001.jpg"),
        ("Ada_L", "Ada_L_0004.jpg"),
        ("Bo", "Bo_0002.png"),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1\nAda_L 1 4\n", "line 2 .* is no pair"),
        ("Ada_L\t1\tfour\n", "line 1 .* is no pair"),
        ("Ada_L\t1\t4\tBo\t2\n", "line 1 .* is no pair"),
        ("../Ada_L\t1\t4\n", "line 1 .* is no pair"),
        (".hidden\t1\tBo\t2\n", "line 1 .* is no pair"),
        ("Ada_L\t1\t2\n", "names photo 2 of Ada_L"),
        ("10\t300\n", "names no photos"),
        ("", "names no photos"),
    ],
)
def test_what_is_no_such_list_is_refused(photos: Path, text: str, reason: str) -> None:
    path = photos / "pairs.txt"
    path.write_text(text)

    with pytest.raises(SourceError, match=reason):
        read_pairs(path)


def test_a_file_that_is_no_text_is_refused(photos: Path) -> None:
    path = photos / "pairs.txt"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(SourceError, match="it is not text"):
        read_pairs(path)

"""Folders of photos: one sub-folder per person."""

from __future__ import annotations

from pathlib import Path

import pytest

from gallery.client.photos.folders import LabelledPhoto, find_photos, find_probe_photos, is_photo
from gallery.errors import SourceError


def make(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_sorted_labelled_and_without_what_is_no_photo(tmp_path: Path) -> None:
    make(
        tmp_path,
        "zoë/b.JPG",
        "zoë/a.png",
        "zoë/notes.txt",
        "zoë/.hidden.jpg",
        "anna/2019/deep.webp",
        "anna/.thumbs/x.jpg",
        "anna/phone.heic",
        ".git/x.jpg",
        "readme.md",
    )
    assert find_photos(tmp_path) == [
        LabelledPhoto(tmp_path / "anna" / "2019" / "deep.webp", "anna"),
        LabelledPhoto(tmp_path / "anna" / "phone.heic", "anna"),
        LabelledPhoto(tmp_path / "zoë" / "a.png", "zoë"),
        LabelledPhoto(tmp_path / "zoë" / "b.JPG", "zoë"),
    ]


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ((), "one sub-folder per person"),
        (("readme.md",), "one sub-folder per person"),
        (("anna/a.jpg", "loose.jpg"), "lie directly in"),
        (("anna/a.jpg", "bob/notes.txt"), "hold no photo, the first is bob"),
    ],
)
def test_unusable_folders_say_why(tmp_path: Path, names: tuple[str, ...], reason: str) -> None:
    make(tmp_path, *names)
    with pytest.raises(SourceError, match=reason):
        find_photos(tmp_path)


def test_missing_folder_and_file_in_its_place(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg")
    for path in (tmp_path / "gone", tmp_path / "a.jpg"):
        with pytest.raises(SourceError, match="cannot be read"):
            find_photos(path)


def test_is_photo_goes_by_extension() -> None:
    assert is_photo("x/ü.JPeG")
    assert not is_photo("x/.y.jpg")
    assert not is_photo("jpg")


def test_photos_to_search_for_are_found_at_any_depth_in_order(tmp_path: Path) -> None:
    names = ["b.jpg", "a/z.PNG", "a/b/c.jpeg", "notes.txt", ".hidden.jpg", ".thumbs/t.jpg"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.jpg").mkdir()

    found = find_probe_photos(tmp_path)

    assert [str(path.relative_to(tmp_path)) for path in found] == ["a/b/c.jpeg", "a/z.PNG", "b.jpg"]


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"")

    with pytest.raises(SourceError, match="holds no photos"):
        find_probe_photos(tmp_path)

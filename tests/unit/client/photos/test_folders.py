"""Folders of photos: one sub-folder per person, content decides, and nothing is lost in silence."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gallery.client.photos.folder_walk import (
    HIDDEN,
    LINKED_ABOVE,
    LINKED_AGAIN,
    LITTER,
    NO_PHOTO,
)
from gallery.client.photos.folders import (
    FoundPhotos,
    LabelledPhoto,
    find_photos,
    find_probe_photos,
)
from gallery.errors import SourceError

JPEG = b"\xff\xd8\xff\xe0 the beginning of a photo"
NOBODY = 65534


def make(root: Path, *names: str, content: bytes = JPEG) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def names(top: Path, found: FoundPhotos[LabelledPhoto]) -> list[str]:
    return [str(photo.path.relative_to(top)) for photo in found]


def passed_over(top: Path, found: FoundPhotos[LabelledPhoto]) -> dict[str, str]:
    return {str(Path(item.path).relative_to(top)): item.reason for item in found.passed_over}


def failures(top: Path, found: FoundPhotos[LabelledPhoto]) -> dict[str, str]:
    return {str(Path(item.path).relative_to(top)): item.reason for item in found.failures}


def test_sorted_labelled_and_without_what_is_no_photo(tmp_path: Path) -> None:
    make(tmp_path, "zoë/b.JPG", "zoë/a.png", "anna/2019/deep.webp", "anna/phone.heic")
    make(tmp_path, "zoë/.hidden.jpg", "anna/.thumbs/x.jpg", ".git/x.jpg")
    make(tmp_path, "zoë/notes.txt", "readme.md", content=b"text")

    found = find_photos(tmp_path)

    assert list(found) == [
        LabelledPhoto(tmp_path / "anna" / "2019" / "deep.webp", "anna"),
        LabelledPhoto(tmp_path / "anna" / "phone.heic", "anna"),
        LabelledPhoto(tmp_path / "zoë" / "a.png", "zoë"),
        LabelledPhoto(tmp_path / "zoë" / "b.JPG", "zoë"),
    ]
    assert found[1].path.name == "phone.heic"
    assert found.failures == ()
    assert passed_over(tmp_path, found) == {
        ".git": HIDDEN,
        "anna/.thumbs": HIDDEN,
        "readme.md": NO_PHOTO,
        "zoë/.hidden.jpg": HIDDEN,
        "zoë/notes.txt": NO_PHOTO,
    }


@pytest.mark.parametrize("name", ["a.jfif", "a.mpo", "a", "a.txt", "IMG_1.jpg~", "a.b.c", "A.JPE"])
@pytest.mark.parametrize(
    "content",
    [
        JPEG,
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"BM" + b"\0" * 12 + b"\x28\0\0\0",
        b"II*\0\x08\0\0\0",
        b"MM\0*\0\0\0\x08",
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        b"\0\0\0\x18ftypmif1\0\0\0\0avif",
        b"GIF89a",
        b"8BPS",
        b"\xff\x0a",
    ],
)
def test_a_photo_is_told_by_its_content(tmp_path: Path, name: str, content: bytes) -> None:
    make(tmp_path, f"anna/{name}", content=content)

    assert names(tmp_path, find_photos(tmp_path)) == [f"anna/{name}"]


@pytest.mark.parametrize(
    "content",
    [b"", b"BMW, Volvo and other makes", b"\0\0\0\x18ftypqt  \0\0\0\0qt  ", b"%PDF-1.7", b"PK\3\4"],
)
def test_what_is_no_photo_is_named(tmp_path: Path, content: bytes) -> None:
    make(tmp_path, "anna/a.jpg")
    make(tmp_path, "anna/b.bin", content=content)

    assert passed_over(tmp_path, find_photos(tmp_path)) == {"anna/b.bin": NO_PHOTO}


@pytest.mark.parametrize("content", [b"", b"text", JPEG])
def test_a_file_that_is_called_a_photo_counts_as_one(tmp_path: Path, content: bytes) -> None:
    make(tmp_path, "anna/a.JPeG", content=content)

    assert names(tmp_path, find_photos(tmp_path)) == ["anna/a.JPeG"]


@pytest.mark.parametrize(
    "litter",
    [
        "@eaDir/SYNOPHOTO_THUMB_M.jpg",
        "#recycle/old.jpg",
        "@Recycle/old.jpg",
        "__MACOSX/a.jpg",
        "lost+found/#123",
        "$RECYCLE.BIN/S-1/a.jpg",
        "System Volume Information/x",
        "Thumbs.db",
        "desktop.ini",
        "photo.jpg:Zone.Identifier",
        "Icon\r",
        "found.001/a.jpg",
        "LOST.DIR/a.jpg",
        "Previews.lrdata/a.jpg",
        "Photos Library.photoslibrary/originals/a.jpg",
        "SYNOFILE_THUMB_L.jpg",
    ],
)
def test_litter_of_systems_is_neither_a_person_nor_a_photo(tmp_path: Path, litter: str) -> None:
    make(tmp_path, "anna/a.jpg", litter, f"anna/{litter}", f"anna/deep/{litter}")
    top = litter.split("/")[0]

    found = find_photos(tmp_path)

    assert names(tmp_path, found) == ["anna/a.jpg"]
    assert failures(tmp_path, found) == {}
    expected = {top: LITTER, f"anna/{top}": LITTER, f"anna/deep/{top}": LITTER}
    assert passed_over(tmp_path, found) == expected


def test_a_person_without_a_photo_keeps_nobody_else_out(tmp_path: Path) -> None:
    make(tmp_path, "anna/a.jpg")
    make(tmp_path, "bob/notes.txt", content=b"text")
    (tmp_path / "carl" / "deep").mkdir(parents=True)

    found = find_photos(tmp_path)

    assert names(tmp_path, found) == ["anna/a.jpg"]
    reason = "the folder holds no photo"
    assert failures(tmp_path, found) == {"bob": reason, "carl": reason}


@contextlib.contextmanager
def no_one_special() -> Iterator[None]:
    """Have permissions mean something: root reads everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_what_may_not_be_read_is_named(tmp_path: Path) -> None:
    # Not in tmp_path, which is its owner's alone.
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        top.chmod(0o755)
        make(top, "anna/a.jpg", "bob/b.jpg", "carl/album/c.jpg", "carl/c.jpg", "dora/d")
        closed = [top / "bob", top / "carl" / "album", top / "dora" / "d"]
        for path in closed:
            path.chmod(0)
        try:
            with no_one_special():
                found = find_photos(top)
        finally:
            for path in closed:
                path.chmod(0o700)

    assert names(top, found) == ["anna/a.jpg", "carl/c.jpg"]
    refused = "cannot be read: Permission denied"
    assert failures(top, found) == {"bob": refused, "carl/album": refused, "dora/d": refused}


def test_links_that_lead_nowhere_and_special_files_are_named(tmp_path: Path) -> None:
    make(tmp_path, "anna/a.jpg")
    (tmp_path / "zoë").symlink_to("/gone/zoë")
    (tmp_path / "anna" / "b.jpg").symlink_to("gone.jpg")
    (tmp_path / "anna" / "loop").symlink_to("loop")
    (tmp_path / "anna" / "zero.jpg").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "anna" / "pipe.jpg")
    os.mkfifo(tmp_path / "pipe")
    with contextlib.chdir(tmp_path), socket.socket(socket.AF_UNIX) as listening:
        listening.bind("anna/socket")

    found = find_photos(tmp_path)

    assert names(tmp_path, found) == ["anna/a.jpg"]
    assert failures(tmp_path, found) == {
        "anna/b.jpg": "a link that leads nowhere, to gone.jpg",
        "anna/loop": "a link that leads nowhere, to loop",
        "anna/pipe.jpg": "cannot be read: it is a named pipe",
        "anna/socket": "cannot be read: it is a socket",
        "anna/zero.jpg": "cannot be read: it is a device",
        "pipe": "cannot be read: it is a named pipe",
        "zoë": "a link that leads nowhere, to /gone/zoë",
    }


def test_linked_folders_are_followed_once(tmp_path: Path) -> None:
    outside, top = tmp_path / "outside", tmp_path / "people"
    make(outside, "bob/b.jpg", "bob/deep/c.jpg", "more/d.jpg")
    make(top, "anna/a.jpg")
    (outside / "bob" / "back").symlink_to(outside / "bob")
    (top / "bob").symlink_to(outside / "bob")
    (top / "bob again").symlink_to(outside / "bob")
    (top / "anna" / "more").symlink_to(outside / "more")
    (top / "anna" / "photo.jpg").symlink_to(outside / "more" / "d.jpg")
    (top / "anna" / "self").symlink_to(".")
    (top / "anna" / "everybody").symlink_to("..")
    (top / "anna" / "all").symlink_to("/")

    found = find_photos(top)

    assert names(top, found) == [
        "anna/a.jpg",
        "anna/more/d.jpg",
        "anna/photo.jpg",
        "bob/b.jpg",
        "bob/deep/c.jpg",
    ]
    assert passed_over(top, found) == {
        "anna/all": LINKED_ABOVE,
        "anna/everybody": LINKED_AGAIN,
        "anna/self": LINKED_AGAIN,
        "bob/back": LINKED_AGAIN,
        "bob again": LINKED_AGAIN,
    }


@pytest.mark.parametrize(
    ("photos", "others", "reason"),
    [
        ((), (), "one sub-folder per person"),
        ((), ("readme.md",), "one sub-folder per person"),
        ((), ("anna/notes.txt",), r"passed over: 1, the first is .*notes\.txt \(no photo\)"),
        (("a.jpg", "loose"), ("anna/notes.txt",), r"2 photo\(s\) lie directly in .* a folder"),
    ],
)
def test_unusable_folders_say_why(
    tmp_path: Path, photos: tuple[str, ...], others: tuple[str, ...], reason: str
) -> None:
    make(tmp_path, *photos)
    make(tmp_path, *others, content=b"text")
    with pytest.raises(SourceError, match=reason):
        find_photos(tmp_path)


@pytest.mark.parametrize("name", ["loose.jpg", "loose", "loose.txt"])
def test_a_photo_in_nobodys_folder_keeps_nobody_out(tmp_path: Path, name: str) -> None:
    make(tmp_path, "anna/a.jpg", name)
    (tmp_path / "bob").mkdir()

    found = find_photos(tmp_path)

    assert list(found) == [LabelledPhoto(tmp_path / "anna" / "a.jpg", "anna")]
    assert failures(tmp_path, found) == {
        name: "in no person's folder: each person needs a folder, such as "
        f"{tmp_path / 'some-name' / name}",
        "bob": "the folder holds no photo",
    }


def test_a_folder_of_links_that_lead_nowhere_says_so(tmp_path: Path) -> None:
    (tmp_path / "anna").mkdir()
    (tmp_path / "anna" / "a.jpg").symlink_to("gone.jpg")

    with pytest.raises(SourceError, match=r"holds no photos; .*: 1, the first is .*gone\.jpg"):
        find_photos(tmp_path)


def test_missing_folder_and_file_in_its_place(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg")
    for path in (tmp_path / "gone", tmp_path / "a.jpg"):
        with pytest.raises(SourceError, match="cannot be read"):
            find_photos(path)


def test_photos_to_search_for_are_found_at_any_depth_in_order(tmp_path: Path) -> None:
    make(tmp_path, "b.jpg", "a/z.PNG", "a/b/c", ".hidden.jpg", ".thumbs/t.jpg", "@eaDir/t.jpg")
    make(tmp_path, "notes.txt", content=b"text")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "d.jpg").symlink_to("gone")

    found = find_probe_photos(tmp_path)

    assert [str(path.relative_to(tmp_path)) for path in found] == ["a/b/c", "a/z.PNG", "b.jpg"]
    assert [Path(item.path).name for item in found.failures] == ["d.jpg"]
    assert len(found.passed_over) == 4


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "notes.txt", content=b"text")

    with pytest.raises(SourceError, match="holds no photos"):
        find_probe_photos(tmp_path)

"""A folder as a browser sends it is judged as the same folder on disk is."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from pathlib import Path

import pytest

from gallery.client import find_photos
from gallery.client.photos.folder_walk import HIDDEN
from gallery.desk.errors import TooLargeError
from gallery.desk.folders.sent_folder import LARGEST_RULES, SentFolder
from gallery.errors import SourceError

JPEG = b"\xff\xd8\xff\xe0 a photo"
TREE = {
    "Ada/1.jpg": JPEG,
    "Ada/2.JPEG": b"damaged",
    "Ada/without-a-name-for-it": JPEG,
    "Ada/notes.txt": b"text",
    "Ada/.cache/3.jpg": JPEG,
    "Ada/.cache/4.jpg": JPEG,
    "Ada/@eaDir/1.jpg": JPEG,
    "Ada/old/5.jpg": JPEG,
    "Ada/old/deep/6.jpg": JPEG,
    "Ada/kept/7.png": JPEG,
    "Eve/trip/8.jpg": JPEG,
    "Eve/trip/9.gif": b"GIF89a",
    "Eve/trip/.galleryignore": b"!10.tif\n",
    "Eve/trip/10.tif": b"II*\0",
    "Eve/11.tif": b"II*\0",
    "Nobody/desktop.ini": b"litter",
    "Nobody/film.mp4": b"\0\0\0\x18ftypmp42",
    "__MACOSX/1.jpg": JPEG,
    "loose.jpg": JPEG,
    "readme.md": b"text",
    ".galleryignore": b"\xef\xbb\xbf# not these\nold/\n*.tif\r\n",
}


def sent(files: dict[str, bytes], top: str) -> tuple[SentFolder, set[tuple[str, str]]]:
    """Send a folder, and return it and whom each photo of it shows."""
    folder = SentFolder()
    for path, data in files.items():
        if path.rpartition("/")[2] == ".galleryignore":
            folder.add_patterns(f"{top}/{path}", data)
    wanted = [path for path in files if folder.wants(f"{top}/{path}")]
    labels = {path: folder.label_of(f"{top}/{path}", files[path]) for path in wanted}
    folder.end()
    return folder, {(path, label) for path, label in labels.items() if label is not None}


def test_the_same_folder_is_read_alike(tmp_path: Path) -> None:
    top = tmp_path / "staff"
    for path, data in TREE.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_bytes(data)
    on_disk = find_photos(top)

    folder, labelled = sent(TREE, "staff")

    assert labelled == {(str(item.path.relative_to(top)), item.label) for item in on_disk}
    assert folder.passed_over == Counter(item.reason for item in on_disk.passed_over)
    told = {(Path(path).name, reason.partition(":")[0]) for path, reason in folder.failures}
    expected = {(Path(item.path).name, item.reason) for item in on_disk.failures}
    assert {name for name, _ in told} == {name for name, _ in expected}
    assert ("Nobody", "the folder holds no photo") in told & expected


@pytest.mark.parametrize(
    "path",
    ["", "/", "///", ".", "..", "../..", "a", "a/../../b.jpg", "/etc/passwd", "a/" + "b" * 5000],
)
def test_no_path_leads_anywhere(path: str) -> None:
    folder = SentFolder()
    wanted = folder.wants(path)
    assert folder.label_of(path, JPEG) is None or not wanted
    folder.end()


def test_a_label_that_cannot_be_is_told() -> None:
    folder, labelled = sent({"\u202eevil/1.jpg": JPEG, "Ada/1.jpg": JPEG}, "staff")

    assert labelled == {("Ada/1.jpg", "Ada")}
    ((path, reason),) = folder.failures
    assert "control characters" in reason
    assert path == "staff/\u202eevil/1.jpg"


def test_patterns_that_cannot_be_are_refused() -> None:
    folder = SentFolder()
    with pytest.raises(SourceError, match="line 1, is no pattern"):
        folder.add_patterns("staff/.galleryignore", b"!\n")
    with pytest.raises(TooLargeError):
        folder.add_patterns("staff/.galleryignore", b"#" * (LARGEST_RULES + 1))


def test_a_large_folder_is_told_by_its_first_failures() -> None:
    folder, _ = sent({f"{number}.jpg": JPEG for number in range(250)}, "staff")

    assert len(folder.failures) == 250
    assert len(list(folder.failures)) == 100
    assert folder.failures.left_out == 150


def test_patterns_that_take_long_to_compare_are_refused() -> None:
    folder = SentFolder()
    with pytest.raises(SourceError, match=r"line 2: .* may have 3 asterisks"):
        folder.add_patterns("staff/.galleryignore", b"*.tif\n*a*a*a*a*a*b\n")
    folder.add_patterns("staff/.galleryignore", b"# ****\n!**/*a*b*/**\n")
    with pytest.raises(TooLargeError):
        folder.add_patterns("staff/Ada/.galleryignore", b"a\n" * 2000)

    # Were each comparison longer, this would not end.
    assert folder.wants("staff/" + "a" * 255 + "/1.jpg")


def test_as_many_patterns_as_there_may_be_are_compared_soon() -> None:
    folder = SentFolder()
    lines = [f"*a*a*b{number}" for number in range(140)] + [f"a*/**/b{n}" for n in range(140)]
    folder.add_patterns("staff/.galleryignore", "\n".join(lines).encode())

    assert folder.wants("staff/" + "/".join(["a" * 250] * 7) + "/1.jpg")
    assert folder.wants("staff/" + "/".join(["a" * 60] * 29) + "/1.jpg")


def test_paths_that_no_disk_has_are_not_taken() -> None:
    folder = SentFolder()
    folder.add_patterns("staff/.galleryignore", b"old\n")
    deep, long = "staff/" + "a/" * 1500 + "1.jpg", "staff/" + "a" * 256 + "/1.jpg"

    assert not folder.wants(deep)
    assert not folder.wants(long)

    assert [reason for _, reason in folder.failures] == ["its path is too long"] * 2
    with pytest.raises(TooLargeError):
        folder.add_patterns("staff/" + "a/" * 1500 + ".galleryignore", b"old\n")


def test_what_is_remembered_of_long_paths_is_short() -> None:
    folder, count = SentFolder(), 8000
    tracemalloc.start()

    try:
        for number in range(count):
            assert not folder.wants(f"people/{number}/{'x' * 250}/{'y' * 250}/.{'z' * 250}")
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert folder.passed_over == {HIDDEN: count}
    assert taken < 3_500_000

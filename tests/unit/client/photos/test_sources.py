"""Sources of photos: paths, bytes, file objects, pictures, arrays."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from gallery.client.photos.images import open_photo, read_photo
from gallery.client.photos.sources import check_several, hold, photo_name
from gallery.errors import UnreadablePhotoError

GRADIENT = np.stack(np.broadcast_arrays(*np.ogrid[0:32, 0:48], 200), axis=2).astype(np.uint8)
"""Red grows downwards, green to the right; blue is the same everywhere."""


class Unseekable(io.RawIOBase):
    """A file object as of a pipe or a socket: it gives what it has, once."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = data

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = min(len(buffer), len(self._data), 100)
        buffer[:count] = self._data[:count]
        self._data = self._data[count:]
        return count


def png(orientation: int = 1) -> bytes:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(GRADIENT).save(file, "PNG", exif=exif)
    return file.getvalue()


SOURCES: dict[str, Callable[[Path], Any]] = {
    "path": lambda path: path,
    "text": str,
    "bytes": lambda path: path.read_bytes(),
    "bytearray": lambda path: bytearray(path.read_bytes()),
    "memoryview": lambda path: memoryview(path.read_bytes()),
    "file in memory": lambda path: io.BytesIO(path.read_bytes()),
    "pipe": lambda path: Unseekable(path.read_bytes()),
    "picture": lambda path: Image.fromarray(GRADIENT),
    "picture not yet decoded": lambda path: Image.open(io.BytesIO(path.read_bytes())),
    "array": lambda path: GRADIENT,
    "array in another order": lambda path: np.asfortranarray(GRADIENT),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_each_kind_of_source_gives_the_same_pixels(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(png())

    photo = open_photo(SOURCES[kind](path))

    np.testing.assert_array_equal(photo.pixels, GRADIENT[:, :, ::-1])
    assert photo.size == (48, 32)
    assert photo.reduction == 1


def test_a_file_object_is_read_from_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "two").write_bytes(b"before" + png())
    with open(tmp_path / "two", "rb") as file:
        file.seek(6)
        np.testing.assert_array_equal(read_photo(file), GRADIENT[:, :, ::-1])
        assert photo_name(file) == str(tmp_path / "two")


def test_a_picture_is_turned_upright_and_left_as_it_was() -> None:
    with Image.open(io.BytesIO(png(orientation=6))) as image:
        photo = open_photo(image)
        assert image.size == (48, 32)
    assert photo.size == (32, 48)
    np.testing.assert_array_equal(photo.pixels, np.rot90(GRADIENT, -1)[:, :, ::-1])


def test_a_large_array_says_how_much_it_was_reduced() -> None:
    photo = open_photo(np.zeros((1000, 2048, 3), dtype=np.uint8))

    assert photo.pixels.shape == (500, 1024, 3)
    assert photo.size == (2048, 1000)
    assert photo.reduction == 2


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (GRADIENT.astype(np.float64), "an array of float64 and shape (32, 48, 3) is no picture"),
        (GRADIENT[:, :, 0], "an array of uint8 and shape (32, 48) is no picture"),
        (GRADIENT[:0], "an array of uint8 and shape (0, 48, 3) is no picture"),
        (b"", "the file is empty"),
        (b"hello", "it is no JPEG"),
        (png()[: len(png()) // 2], "damaged or truncated"),
        (io.StringIO("hello"), "the file object gives text: open it in binary mode"),
        (None, "give a path, bytes, a binary file object, a picture of Pillow, or an array"),
        (17, "give a path"),
        (Image.new("F", (9, 9)), "its pixels are floating-point numbers"),
        (Image.new("RGB", (0, 9)), "it has no pixels"),
    ],
)
def test_what_is_no_photo_is_refused_with_the_reason(source: Any, reason: str) -> None:
    with pytest.raises(UnreadablePhotoError, match=re.escape(reason)):
        read_photo(source)


def test_a_closed_file_object_is_refused(tmp_path: Path) -> None:
    with open(tmp_path / "photo.png", "w+b") as file:
        pass
    with pytest.raises(UnreadablePhotoError, match="closed file"):
        read_photo(file)


def test_a_held_photo_is_the_same_however_often_it_is_read() -> None:
    held = hold(io.BytesIO(png()), "visitor")

    assert held.name == "visitor"
    assert held.digest() == held.digest() == hold(png()).digest()
    np.testing.assert_array_equal(read_photo(held), read_photo(held))


def test_a_picture_without_a_file_is_known_by_its_pixels() -> None:
    def digest(pixels: npt.NDArray[np.uint8]) -> bytes:
        return hold(pixels).digest()

    assert digest(GRADIENT) == digest(np.asfortranarray(GRADIENT))
    assert digest(GRADIENT) == hold(Image.fromarray(GRADIENT)).digest()
    assert digest(GRADIENT) != digest(GRADIENT.reshape(48, 32, 3))
    assert digest(GRADIENT) != digest(GRADIENT[::-1])


def test_what_has_no_name_is_called_by_its_place_and_kind() -> None:
    assert photo_name(b"", 2) == "photo 3 (bytes)"
    assert photo_name(GRADIENT) == "photo 1 (array)"
    assert photo_name(Image.fromarray(GRADIENT)) == "photo 1 (Image)"
    assert photo_name(io.BytesIO()) == "photo 1 (BytesIO)"
    assert photo_name("a.jpg") == Path("a.jpg")
    assert photo_name("https://example.com/a.jpg?key=x") == "https://example.com/a.jpg?key=***"


@pytest.mark.parametrize("kind", SOURCES)
def test_one_photo_is_not_taken_for_a_list_of_photos(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(png())

    with pytest.raises(TypeError, match=re.escape("as a list, such as [photo]")):
        check_several(SOURCES[kind](path))
    check_several([SOURCES[kind](path)])


def test_frames_in_one_array_are_several_photos() -> None:
    check_several(np.stack([GRADIENT, GRADIENT]))
    check_several(iter([GRADIENT]))


def test_a_photo_without_a_name_is_called_a_photo_once() -> None:
    with pytest.raises(UnreadablePhotoError, match=r"^The photo 3 \(NoneType\) cannot be read"):
        hold(None, str(photo_name(None, 2)))  # type: ignore[arg-type]

"""Reading photos: pixels as a person would see them, or one clear error."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from gallery.client.photos import images
from gallery.client.photos.images import PIXEL_LIMIT, open_photo, read_photo
from gallery.client.photos.preprocessing import LONGEST_SIDE
from gallery.errors import UnreadablePhotoError
from tests.support.pictures import entry, exif, jpeg, png_chunk

GRADIENT = np.linspace(0, 255, 48 * 32 * 3).reshape(32, 48, 3).astype(np.uint8)  # RGB


def write_png(path: Path, shape: tuple[int, int], depth: int, colour: int, data: bytes) -> None:
    height, width = shape
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = (png_chunk(b"IHDR", header), png_chunk(b"IDAT", data), png_chunk(b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


def test_colours_come_as_blue_green_red(tmp_path: Path) -> None:
    Image.fromarray(GRADIENT).save(tmp_path / "a.png")
    pixels = read_photo(tmp_path / "a.png")
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    np.testing.assert_array_equal(pixels, GRADIENT[:, :, ::-1])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(tmp_path: Path, orientation: int) -> None:
    turn = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: lambda a: np.rot90(a, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(turn(GRADIENT))).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_photo(tmp_path / "a.png"), GRADIENT[:, :, ::-1])


def test_non_ascii_paths_and_relative_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "Фото 写真"
    folder.mkdir()
    (folder / "zoë.jpg").write_bytes(jpeg(GRADIENT))
    monkeypatch.chdir(folder)
    assert read_photo("zoë.jpg").shape == (32, 48, 3)


def test_grey_and_palette(tmp_path: Path) -> None:
    grey = GRADIENT[:, :, 0]
    Image.fromarray(grey).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read_photo(tmp_path / "grey.png"), np.stack([grey] * 3, axis=2))
    Image.fromarray(GRADIENT).convert("P").save(tmp_path / "palette.png")
    assert read_photo(tmp_path / "palette.png").shape == (32, 48, 3)


@pytest.mark.parametrize(("colour", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_16_bit_png_is_not_clipped(tmp_path: Path, colour: int, channels: int) -> None:
    values = np.full((4, 6, channels), 0x80FF, dtype=">u2")
    if channels in (2, 4):
        values[:, :, -1] = 0xFFFF
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    write_png(tmp_path / "a.png", (4, 6), 16, colour, zlib.compress(rows))
    pixels = read_photo(tmp_path / "a.png")
    assert pixels.shape == (4, 6, 3)
    assert set(np.unique(pixels)) <= {0x80, 0x81}


def test_transparent_pixels_are_white(tmp_path: Path) -> None:
    rgba = np.dstack([GRADIENT, np.zeros((32, 48), np.uint8)])
    rgba[:, :24, 3] = 255
    Image.fromarray(rgba).save(tmp_path / "a.png")
    pixels = read_photo(tmp_path / "a.png")
    np.testing.assert_array_equal(pixels[:, :24], GRADIENT[:, :24, ::-1])
    assert (pixels[:, 24:] == 255).all()


@pytest.mark.parametrize(("size", "shrunk"), [((3000, 2000), (1024, 683)), ((9, 5000), (2, 1024))])
def test_large_photos_are_shrunk(
    tmp_path: Path, size: tuple[int, int], shrunk: tuple[int, int]
) -> None:
    Image.new("RGB", size, (10, 20, 30)).save(tmp_path / "a.png")
    pixels = read_photo(tmp_path / "a.png")
    assert pixels.shape == (shrunk[1], shrunk[0], 3)
    assert (pixels == (30, 20, 10)).all()


def test_photo_at_the_limit_keeps_its_pixels(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (5, LONGEST_SIDE, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_photo(tmp_path / "a.png"), noise[:, :, ::-1])


def test_huge_claims_are_refused_before_decoding(tmp_path: Path) -> None:
    for side in (10_001, 60_000):
        # No pixel data at all: only the header can have been looked at.
        write_png(tmp_path / "bomb.png", (side, side), 8, 2, b"")
        with pytest.raises(UnreadablePhotoError, match="pixels"):
            read_photo(tmp_path / "bomb.png")
    assert PIXEL_LIMIT < 10_001**2


@pytest.mark.parametrize(
    ("size", "options"),
    [
        ((16_320, 12_240), {"format": "JPEG"}),
        ((12_000, 9_000), {"format": "JPEG", "exif": exif(entry(274, 3, 1, 6), 1)}),
        ((12_000, 9_000), {"format": "JPEG", "progressive": True}),
        ((11_000, 9_000), {"format": "PNG", "compress_level": 1}),
        ((11_000, 9_000), {"format": "TIFF"}),
    ],
    ids=["200 JPEG", "108 JPEG turned", "108 JPEG progressive", "99 PNG", "99 TIFF"],
)
def test_large_photos_are_decoded_in_little_memory(
    tmp_path: Path, size: tuple[int, int], options: dict[str, Any]
) -> None:
    left = Image.new("L", size, 40)
    left.paste(200, (size[0] // 2, 0, *size))
    left.save(tmp_path / "large", **options)
    program = (
        "import sys, numpy as np\n"
        "from gallery.client.photos.images import open_photo\n"
        "photo = open_photo(sys.argv[1])\n"
        "status = open('/proc/self/status').read()\n"
        "peak = int(status.split('VmHWM:')[1].split()[0]) // 1024\n"
        "height, width = photo.pixels.shape[:2]\n"
        "print(peak, height, width, photo.pixels[5, 5, 0], photo.pixels[-5, -5, 0])\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "large")],
        capture_output=True,
        text=True,
        check=True,
    )

    peak, height, width, first, last = map(int, done.stdout.split())
    assert peak < 700  # MB; models, SEAL and numba take up to 300 besides
    assert max(height, width) == LONGEST_SIDE
    assert (height > width) is ("exif" in options)
    assert abs(first - 40) < 3 and abs(last - 200) < 3


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_each_format_has_its_limit_of_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    name = {"WEBP": "WebP"}.get(kind, kind)
    monkeypatch.setitem(images.PIXEL_LIMITS, name, 48 * 32 - 1)
    Image.fromarray(GRADIENT).save(tmp_path / "a", kind)

    with pytest.raises(UnreadablePhotoError, match="claims 48 x 32 pixels, more than"):
        read_photo(tmp_path / "a")


def test_a_progressive_jpeg_is_limited_by_its_coefficients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One value of luminance and a quarter of each colour, of two bytes, for each pixel.
    monkeypatch.setattr(images, "COEFFICIENT_LIMIT", 3 * 48 * 32 - 1)
    Image.fromarray(GRADIENT).save(tmp_path / "baseline", "JPEG", subsampling=2)
    Image.fromarray(GRADIENT).save(tmp_path / "a", "JPEG", subsampling=2, progressive=True)

    read_photo(tmp_path / "baseline")
    with pytest.raises(UnreadablePhotoError, match="save it as baseline JPEG, or smaller"):
        read_photo(tmp_path / "a")
    monkeypatch.setattr(images, "COEFFICIENT_LIMIT", 3 * 48 * 32)
    read_photo(tmp_path / "a")


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_reduced_picture_is_the_same_but_smaller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    detail = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    picture = Image.fromarray(detail).resize((2000, 1500), Image.Resampling.BICUBIC)
    picture.save(tmp_path / "a", kind, quality=95, compress_level=1)
    whole = read_photo(tmp_path / "a").astype(int)

    monkeypatch.setattr(images, "LARGE", 2000 * 1500 - 1)
    smaller = open_photo(tmp_path / "a", 250).pixels.astype(int)

    assert smaller.shape == (188, 250, 3)
    expected = np.asarray(Image.fromarray(whole.astype(np.uint8)).resize((250, 188))).astype(int)
    assert np.abs(smaller - expected).mean() < 2


def test_a_file_of_more_than_the_limit_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(GRADIENT).save(tmp_path / "a.png")
    monkeypatch.setattr(images, "FILE_LIMIT", 100)

    with pytest.raises(UnreadablePhotoError, match="the file has more than"):
        read_photo(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a", "a.heic", "a.png", "a.txt", "a.dng"])
def test_content_decides_how_a_photo_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(jpeg(GRADIENT))

    assert read_photo(tmp_path / name).shape == (32, 48, 3)


@pytest.mark.parametrize("name", ["a.heic", "a.jpg", "a"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\0\0\0\x18ftypavif\0\0\0\0mif1", "AVIF pictures"),
        (b"GIF89a", "GIF pictures"),
        (b"II*\0\x10\0\0\0CR\2\0", "camera raw pictures"),
        (b"8BPS", "Photoshop pictures"),
    ],
)
def test_formats_that_are_not_read_are_called_by_their_name(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(UnreadablePhotoError, match=f"{reason} are not supported, convert it"):
        read_photo(tmp_path / name)


def test_special_files_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")

    with pytest.raises(UnreadablePhotoError, match="it is a named pipe"):
        read_photo(tmp_path / "pipe.jpg")
    with pytest.raises(UnreadablePhotoError, match="it is a device"):
        read_photo(tmp_path / "zero.jpg")


def test_unreadable_files_say_path_and_reason(tmp_path: Path) -> None:
    whole = jpeg(np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8))
    cases = {
        "empty.jpg": (b"", "empty"),
        "text.jpg": (b"hello", "no JPEG"),
        "vector.png": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no JPEG"),
        "cut.jpg": (whole[: len(whole) // 2], "truncated"),
        "film.avif": (b"\0\0\0\x0cftypavif", "not supported, convert"),
    }
    for name, (content, reason) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UnreadablePhotoError, match=reason) as caught:
            read_photo(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(UnreadablePhotoError, match="no such file"):
        read_photo(tmp_path / "gone.jpg")
    with pytest.raises(UnreadablePhotoError, match="it is a folder"):
        read_photo(tmp_path)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damage_gives_pixels_or_the_one_error(tmp_path: Path, data: st.DataObject) -> None:
    out = io.BytesIO()
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "BMP", "TIFF"]))
    Image.fromarray(GRADIENT).save(out, kind)
    content = bytearray(out.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        pixels = read_photo(path)
    except UnreadablePhotoError:
        return
    assert pixels.ndim == 3
    assert pixels.dtype == np.uint8

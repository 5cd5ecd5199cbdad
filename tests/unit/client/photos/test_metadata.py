"""Metadata of photos: the way up is taken from it, and whatever is broken in it costs nothing."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gallery.client.photos.images import read_photo
from tests.support.pictures import (
    ORIENTATION,
    entry,
    exif,
    jpeg,
    png_chunk,
    with_chunk,
    with_segment,
)

PIXELS = np.linspace(0, 255, 48 * 32 * 3).reshape(32, 48, 3).astype(np.uint8)
TURNED = np.ascontiguousarray(np.rot90(PIXELS))
"""As a camera stores it that was held upright: orientation 6."""

ON_END = entry(ORIENTATION, 3, 1, 6)

BROKEN_EXIF = {
    "a rational of 0/0": exif(ON_END + entry(0x011A, 5, 1, 0x7F), 2) + b"\0" * 200,
    "a rational beyond the end": exif(ON_END + entry(0x011A, 5, 1, 0xFFFFFF), 2),
    "a rational that counts billions": exif(ON_END + entry(0x011A, 5, 0xFFFFFFFF, 26), 2),
    "an unknown type": exif(ON_END + entry(0x011A, 99, 1, 0), 2),
    "text where a number belongs": exif(ON_END + entry(0x0128, 2, 4, 0x41414141), 2),
    "a directory of itself": exif(ON_END + entry(0x8769, 4, 1, 8), 2),
    "a second directory beyond the end": exif(ON_END + entry(0x8769, 4, 1, 0xFFFFFF), 2),
    "more entries than there are": exif(ON_END, 500),
    "an end within an entry": exif(ON_END + entry(0x011A, 5, 1, 26), 2)[:-8],
}

HOPELESS_EXIF = {
    "nothing": b"Exif\0\0",
    "no byte order": b"Exif\0\0XX*\0\x08\0\0\0",
    "noise": b"Exif\0\0" + bytes(range(256)),
    "a directory beyond the end": b"Exif\0\0II*\0\xff\xff\xff\0",
    "an orientation of 99": exif(entry(ORIENTATION, 3, 1, 99), 1),
    "an orientation that is a fraction": exif(entry(ORIENTATION, 5, 1, 0xFFFF), 1),
}


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def check(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    difference = read_photo(path)[:, :, ::-1].astype(int) - PIXELS
    assert np.abs(difference).max() < 30


@pytest.mark.parametrize("broken", BROKEN_EXIF.values(), ids=BROKEN_EXIF)
def test_broken_exif_costs_neither_the_picture_nor_its_orientation(
    tmp_path: Path, broken: bytes
) -> None:
    check(tmp_path / "a.jpg", with_segment(jpeg(TURNED), 0xE1, broken))
    check(tmp_path / "a.png", with_chunk(png(TURNED), png_chunk(b"eXIf", broken[6:])))


@pytest.mark.parametrize("broken", HOPELESS_EXIF.values(), ids=HOPELESS_EXIF)
def test_exif_without_any_use_costs_nothing(tmp_path: Path, broken: bytes) -> None:
    check(tmp_path / "a.jpg", with_segment(jpeg(PIXELS), 0xE1, broken))
    check(tmp_path / "a.png", with_chunk(png(PIXELS), png_chunk(b"eXIf", broken[6:])))


@pytest.mark.parametrize(
    ("marker", "payload"),
    [
        (0xE0, b"JFIF\0"),
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0\xff\xfe<not-xml"),
        (0xE2, b"ICC_PROFILE\0"),
        (0xE2, b"ICC_PROFILE\0\x09\x01" + b"\0" * 40),
        (0xE2, b"MPF\0II*\0\x08\0\0\0\xff\xff"),
        (0xED, b"Photoshop 3.0\x008BIM\x03\xed\0\0\xff\xff\xff\xff"),
        (0xED, b"Photoshop 3.0\x008BIM"),
        (0xFE, b"\xff\xfe" * 100),
        (0xEB, b""),
    ],
)
def test_broken_segments_of_a_jpeg_cost_nothing(
    tmp_path: Path, marker: int, payload: bytes
) -> None:
    check(tmp_path / "a.jpg", with_segment(jpeg(PIXELS), marker, payload))
    turned = with_segment(jpeg(TURNED), marker, payload)
    check(tmp_path / "b.jpg", with_segment(turned, 0xE1, exif(ON_END, 1)))


@pytest.mark.parametrize(
    "chunk",
    [
        png_chunk(b"pHYs", b"\0"),
        png_chunk(b"gAMA", b"\0"),
        png_chunk(b"cHRM", b"\0"),
        png_chunk(b"sRGB", b""),
        png_chunk(b"iCCP", b"profile\0\0not deflated"),
        png_chunk(b"iCCP", b"profile\0\x07"),
        png_chunk(b"zTXt", b"Comment\0\x09" + zlib.compress(b"x")),
        png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * 2_000_000)),
        png_chunk(b"tEXt", b"Raw profile type exif\0\nexif\n  9\nzz"),
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0\xff\xff"),
        png_chunk(b"acTL", b"\0\0"),
        png_chunk(b"tEXt", b"Comment\0text")[:-4] + struct.pack(">I", 7),
    ],
)
def test_broken_chunks_of_a_png_cost_nothing(tmp_path: Path, chunk: bytes) -> None:
    check(tmp_path / "a.png", with_chunk(png(PIXELS), chunk))
    right_way = png_chunk(b"eXIf", exif(ON_END, 1)[6:])
    check(tmp_path / "b.png", with_chunk(with_chunk(png(TURNED), right_way), chunk))


def test_nothing_is_printed_about_metadata(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for number, broken in enumerate([*BROKEN_EXIF.values(), *HOPELESS_EXIF.values()]):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(with_segment(jpeg(PIXELS), 0xE1, broken))
        read_photo(path)

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_xmp_gives_the_orientation_where_exif_has_none(tmp_path: Path, kind: str) -> None:
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    Image.fromarray(TURNED).save(tmp_path / "a", kind, quality=95, xmp=xmp)

    check(tmp_path / "a", (tmp_path / "a").read_bytes())

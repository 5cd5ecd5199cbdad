"""Layouts of pixels: the right picture or the reason, and never a black or inverted one."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from gallery.client.photos.images import read_photo
from gallery.errors import UnreadablePhotoError
from tests.support.pictures import (
    BITS,
    ORIENTATION,
    PHOTOMETRIC,
    PLANAR,
    SAMPLE_FORMAT,
    tiff,
    without_segments,
)

GREY = np.linspace(0, 255, 24 * 16).reshape(16, 24).astype(np.uint8)
COLOUR = np.dstack([GREY, 255 - GREY, GREY // 2])
DEEP = GREY.astype(np.uint16) * 257


def read(folder: Path, data: bytes) -> npt.NDArray[np.int64]:
    """Return the pixels that are read, red first."""
    (folder / "picture").write_bytes(data)
    return read_photo(folder / "picture")[:, :, ::-1].astype(np.int64)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def twelve_bits(values: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
    """Pack pairs of 12 bits into three bytes."""
    first, second = values[:, ::2] >> 4, values[:, 1::2] >> 4
    parts = first >> 4, (first & 15) << 4 | second >> 8, second & 255
    return np.dstack(parts).reshape(len(values), -1).astype(np.uint8)


@pytest.mark.parametrize(
    "data",
    [
        tiff(GREY, {}),
        tiff(255 - GREY, {PHOTOMETRIC: 0}),
        tiff(DEEP, {}),
        tiff(DEEP, {}, ">"),
        tiff(65535 - DEEP, {PHOTOMETRIC: 0}),
        tiff(twelve_bits(DEEP), {256: 24, BITS: 12}),
        saved(Image.fromarray(DEEP), "PNG"),
        saved(Image.fromarray(GREY).convert("LA"), "PNG"),
    ],
    ids=["8", "8 white", "16", "16 big-endian", "16 white", "12", "16 png", "alpha"],
)
def test_grey_of_any_depth(tmp_path: Path, data: bytes) -> None:
    expected = np.dstack([GREY.astype(np.int64)] * 3)

    assert np.abs(read(tmp_path, data) - expected).max() <= 1


def cmyk_jpeg(adobe: bool) -> bytes:
    inks = Image.fromarray(COLOUR).convert("CMYK")
    if adobe:
        return saved(inks, "JPEG", quality=100, subsampling=0)
    # Pillow writes the inks as Adobe does, inverted, and says so in a segment.
    turned = Image.fromarray(255 - np.asarray(inks), "CMYK")
    return without_segments(saved(turned, "JPEG", quality=100, subsampling=0), 0xEE)


def bmp_with_alpha(alpha: int) -> bytes:
    """Return a bitmap with the header BITMAPV4HEADER, which has a mask for alpha."""
    pixels = np.dstack([COLOUR[:, :, ::-1], np.full_like(GREY, alpha)])[::-1].tobytes()
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 108, 24, 16, 1, 32, 3, len(pixels), 0, 0, 0, 0)
    header += masks + b"BGRs" + b"\0" * 48
    return struct.pack("<2sIHHI", b"BM", 122 + len(pixels), 0, 0, 122) + header + pixels


@pytest.mark.parametrize(
    "data",
    [
        cmyk_jpeg(adobe=True),
        cmyk_jpeg(adobe=False),
        saved(Image.fromarray(COLOUR).convert("CMYK"), "TIFF"),
        tiff(COLOUR.astype(np.uint16) * 257, {}),
        tiff(COLOUR.astype(np.uint16) * 257, {}, ">"),
        tiff(
            COLOUR.transpose(2, 0, 1).reshape(48, 24),
            {
                257: 16,
                BITS: (8, 8, 8),
                PHOTOMETRIC: 2,
                273: (8, 392, 776),
                277: 3,
                279: (384, 384, 384),
                PLANAR: 2,
                SAMPLE_FORMAT: (1, 1, 1),
            },
        ),
        saved(Image.fromarray(COLOUR), "TIFF", compression="tiff_lzw"),
        bmp_with_alpha(255),
        bmp_with_alpha(0),
    ],
    ids=["adobe", "cmyk", "cmyk tiff", "48", "48 big-endian", "planes", "lzw", "alpha", "none"],
)
def test_colours_of_any_layout(tmp_path: Path, data: bytes) -> None:
    assert np.abs(read(tmp_path, data) - COLOUR).max() <= 8


def test_lab(tmp_path: Path) -> None:
    # CIE values of pure red, L* 53.24, a* 80.09, b* 67.2, as TIFF 6.0 has them.
    lab = np.full((16, 24, 3), (136, 80, 67), dtype=np.uint8)

    found = read(tmp_path, tiff(lab, {PHOTOMETRIC: 8}))

    assert np.abs(found - (255, 0, 0)).max() < 12


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (tiff(GREY.astype(np.uint32) << 24, {}), "32 bits a value"),
        (tiff(GREY.astype(np.int32), {}), "signed numbers"),
        (tiff(GREY.astype(np.int16), {}), "signed numbers"),
        (tiff(GREY.astype(np.int8), {}), "signed numbers"),
        (tiff(GREY.astype(np.float32) / 255, {}), "floating-point"),
        (tiff(GREY.astype(np.float32) / 255, {}, ">"), "floating-point"),
        (tiff(COLOUR.astype(np.float32), {}), "unknown pixel mode"),
        (tiff(COLOUR.astype(np.uint32), {}), "unknown pixel mode"),
        (tiff(COLOUR.astype(np.uint16), {PLANAR: 2}), "planes of 16 bits"),
        (tiff(GREY, {PHOTOMETRIC: None}), "whether black or white is 0"),
        (tiff(COLOUR, {PHOTOMETRIC: 9}), "unknown pixel mode"),
        (tiff(COLOUR, {50706: 1}), "camera raw"),
        (tiff(COLOUR, {254: 1}), "camera raw"),
    ],
)
def test_what_cannot_be_known_is_refused_with_the_reason(
    tmp_path: Path, data: bytes, reason: str
) -> None:
    with pytest.raises(UnreadablePhotoError, match=reason):
        read(tmp_path, data)


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_the_orientation_of_a_tiff_is_undone_once(tmp_path: Path, orientation: int) -> None:
    turned = np.rot90(COLOUR, {1: 0, 3: 2, 6: 1}[orientation])

    assert (
        read(tmp_path, tiff(np.ascontiguousarray(turned), {ORIENTATION: orientation})) == COLOUR
    ).all()

"""HEIC and HEIF, with the extra of that name and without."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gallery.client.photos import images
from gallery.client.photos.images import open_photo, read_photo
from gallery.errors import UnreadablePhotoError

pillow_heif = pytest.importorskip("pillow_heif")

GRADIENT = np.stack(np.broadcast_arrays(*np.ogrid[0:64, 0:96], 200), axis=2).astype(np.uint8)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "phone.heic"
    pillow_heif.from_pillow(Image.fromarray(GRADIENT)).save(path, quality=-1)
    return path


def test_a_photo_of_a_phone_is_read(photo: Path) -> None:
    opened = open_photo(photo)

    assert opened.size == (96, 64)
    assert np.abs(opened.pixels[:, :, ::-1].astype(int) - GRADIENT).max() <= 8


def test_its_orientation_counts_once(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.fromarray(GRADIENT)
    pillow_heif.from_pillow(picture).save(tmp_path / "turned.heic", quality=-1, exif=exif.tobytes())

    turned = open_photo(tmp_path / "turned.heic")

    assert turned.size == (64, 96)
    # Red grows downwards in the picture as stored, so to the left once it is turned clockwise.
    assert turned.pixels[50, 5, 2] > turned.pixels[50, -5, 2] + 30


def test_a_damaged_one_is_refused(photo: Path) -> None:
    content = photo.read_bytes()
    photo.write_bytes(content[: len(content) // 2])

    with pytest.raises(UnreadablePhotoError, match="damaged or truncated"):
        read_photo(photo)


def test_one_with_too_many_pixels_is_refused(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(images.PIXEL_LIMITS, "HEIC", 96 * 64 - 1)

    with pytest.raises(UnreadablePhotoError, match="its header claims 96 x 64 pixels"):
        read_photo(photo)


def test_without_the_extra_it_is_named(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)

    with pytest.raises(UnreadablePhotoError) as refused:
        read_photo(photo)

    assert "need the package pillow-heif, not installed here" in str(refused.value)
    assert "pip install 'encrypted-face-gallery[heic]'" in str(refused.value)

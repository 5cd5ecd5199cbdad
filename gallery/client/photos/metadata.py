"""Metadata of a photo: its orientation, and the removal of metadata that is broken.

Cameras and programs write metadata that decoders stumble over. None of it but the orientation
matters here, so that it never costs the picture.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from PIL import Image

_ORIENTATION: Final = 0x0112
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_SIDEWAYS: Final = frozenset({5, 6, 7, 8})

_EXIF: Final = b"Exif\0\0"

# The segments of a JPEG file that say how its colours are coded: marker, beginning, least length.
_KEPT_SEGMENTS: Final = ((0xE0, b"JFIF\0", 16), (0xEE, b"Adobe", 14))
_KEPT_CHUNKS: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_PNG_BEGINNING: Final = 8


def orientation_of(image: Image.Image) -> int:
    """Return the orientation of an image as Exif numbers them, 1 to 8; 1 where it has no good one.

    Of PNG files the pixels are decoded first, because the tag may come after them.
    """
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # Pillow's readers of Exif and XMP pass on whatever damage leads them to.
        return 1
    return value if value in _TURNS else 1


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Return an image turned as its orientation says."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def turned_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Return the width and height that an image of this size has once it is `upright`."""
    return size[::-1] if orientation in _SIDEWAYS else size


@dataclass(frozen=True)
class BarePicture:
    """A file without its metadata, and the orientation that they gave."""

    data: bytes
    orientation: int


def without_metadata(data: bytes, picture_format: str) -> BarePicture | None:
    """Return a JPEG or PNG file without its metadata.

    Returns
    -------
    BarePicture or None
        None for other formats, and where the file's structure itself is damaged.
    """
    cut = {"JPEG": _bare_jpeg, "PNG": _bare_png}.get(picture_format)
    if cut is None:
        return None
    try:
        bare, exif = cut(data)
    except (struct.error, ValueError, IndexError):
        return None
    return BarePicture(bare, _orientation_in(exif))


def _bare_jpeg(data: bytes) -> tuple[bytes, bytes]:
    kept, exif, at = [data[:2]], b"", 2
    while True:
        if data[at] != 0xFF:
            raise ValueError("no marker")
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker == 0xDA:  # the picture itself, up to the end
            return b"".join([*kept, data[at:]]), exif
        (length,) = struct.unpack_from(">H", data, at + 2)
        segment = data[at : at + 2 + length]
        if marker == 0xE1 and segment[4:10] == _EXIF:
            exif = exif or segment[4:]
        if _says_what_is_seen(marker, segment):
            kept.append(segment)
        at += 2 + length


def _says_what_is_seen(marker: int, segment: bytes) -> bool:
    if not (0xE0 <= marker <= 0xEF or marker == 0xFE):
        return True
    return any(
        marker == kept and segment[4:].startswith(beginning) and len(segment) >= 2 + least
        for kept, beginning, least in _KEPT_SEGMENTS
    )


def _bare_png(data: bytes) -> tuple[bytes, bytes]:
    kept, exif, at = [data[:_PNG_BEGINNING]], b"", _PNG_BEGINNING
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, end = data[at + 4 : at + 8], at + 12 + length
        if kind in _KEPT_CHUNKS:
            kept.append(data[at:end])
        elif kind == b"eXIf":
            exif = _EXIF + data[at + 8 : end - 4]
        at = end
    return b"".join(kept), exif


def _orientation_in(exif: bytes) -> int:
    image = Image.new("1", (1, 1))
    image.info["exif"] = exif
    return orientation_of(image) if exif else 1

"""Picture formats, recognised by the first bytes of a file and never by its name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

READABLE: Final = frozenset({"JPEG", "PNG", "WebP", "BMP", "TIFF", "HEIC"})
"""Formats that are decoded here, HEIC where the extra of that name is installed."""

HEAD_BYTES: Final = 64
"""Bytes of a file's beginning that `picture_format` wants."""

_BEGINNINGS: Final = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"II\xbc", "JPEG XR"),
    (b"8BPS", "Photoshop"),
    (b"FUJIFILMCCD-RAW", "camera raw"),
    (b"IIRO", "camera raw"),
    (b"IIRS", "camera raw"),
    (b"MMOR", "camera raw"),
    (b"IIU\0", "camera raw"),
    (b"FOVb", "camera raw"),
    (b"\0MRM", "camera raw"),
)
_TIFF: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_BMP_HEADERS: Final = frozenset({12, 16, 40, 52, 56, 64, 108, 124})

# Brands of ISO base media files (ISO/IEC 14496-12), most of which are films.
_BRANDS: Final = (
    (frozenset({b"avif", b"avis"}), "AVIF"),
    (frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}), "HEIC"),
    (frozenset({b"mif1", b"mif2", b"msf1"}), "HEIC"),
    (frozenset({b"crx "}), "camera raw"),
)

_USUAL_NAMES: Final = frozenset(
    # decoded here, as a rule
    {".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".mpo", ".png", ".apng", ".webp", ".bmp", ".dib"}
    | {".tif", ".tiff", ".heic", ".heif", ".hif"}
    # refused by name
    | {".avif", ".gif", ".jp2", ".jxl"}
    | {".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf"}
)


def picture_format(head: bytes) -> str | None:
    """Return the name of the format that a file of this beginning has; None if it is no picture.

    Formats that are not in `READABLE` are named too, so that they can be refused by name.
    """
    for beginning, name in _BEGINNINGS:
        if head.startswith(beginning):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[:4] in _TIFF:
        return "camera raw" if head[8:10] == b"CR" else "TIFF"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    return None


def named_as_photo(suffix: str) -> bool:
    """Whether files of this extension, as ``.jpg``, are photos as a rule."""
    return suffix.lower() in _USUAL_NAMES


def photo_suffixes() -> Iterable[str]:
    """Return the extensions that photos have as a rule, in order."""
    return sorted(_USUAL_NAMES)


def _by_brand(head: bytes) -> str | None:
    box = head[: int.from_bytes(head[:4], "big")]
    brands = {box[8:12], *(box[start : start + 4] for start in range(16, len(box), 4))}
    return next((name for known, name in _BRANDS if known & brands), None)

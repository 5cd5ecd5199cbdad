"""Pictures made byte by byte: layouts and metadata that Pillow reads and does not write."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

# Tags of TIFF 6.0.
BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, PLANAR, SAMPLE_FORMAT = 258, 259, 262, 277, 284, 339
ORIENTATION = 274


def tiff(
    values: npt.NDArray[Any], tags: Mapping[int, Any], order: Literal["<", ">"] = "<"
) -> bytes:
    """Return an uncompressed TIFF file of one strip.

    Parameters
    ----------
    values
        Shape (height, width) or (height, width, samples); written as their type says.
    tags
        Further tags, or other values for those that follow from the array; None leaves one out.
    order
        ``<`` or ``>``.
    """
    height, width = values.shape[:2]
    samples = values.shape[2] if values.ndim == 3 else 1
    data = values.astype(values.dtype.newbyteorder(order)).tobytes()
    found: dict[int, Any] = {
        256: width,
        257: height,
        BITS: (values.dtype.itemsize * 8,) * samples,
        COMPRESSION: 1,
        PHOTOMETRIC: 1 if samples == 1 else 2,
        273: 8,
        SAMPLES: samples,
        278: height,
        279: len(data),
        SAMPLE_FORMAT: ({"u": 1, "i": 2, "f": 3}[values.dtype.kind],) * samples,
        **tags,
    }
    entries, beyond = [], b""
    present = sorted((tag, value) for tag, value in found.items() if value is not None)
    directory = 8 + len(data) + len(data) % 2
    after = directory + 2 + 12 * len(present) + 4
    for tag, value in present:
        numbers = value if isinstance(value, tuple) else (value,)
        packed = struct.pack(f"{order}{len(numbers)}I", *numbers)
        if len(numbers) > 1:
            place, beyond = struct.pack(order + "I", after + len(beyond)), beyond + packed
        else:
            place = packed
        entries.append(struct.pack(order + "HHI", tag, 4, len(numbers)) + place)
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "I", directory)
    body = head + data + b"\0" * (len(data) % 2)
    return body + struct.pack(order + "H", len(entries)) + b"".join(entries) + b"\0" * 4 + beyond


def exif(entries: bytes, count: int) -> bytes:
    """Return an Exif block, little-endian, of entries of 12 bytes each."""
    return b"Exif\0\0" + b"II*\0\x08\0\0\0" + struct.pack("<H", count) + entries + b"\0" * 4


def entry(tag: int, kind: int, count: int, value: int) -> bytes:
    """Return one entry of an Exif block."""
    return struct.pack("<HHII", tag, kind, count, value)


def jpeg(pixels: npt.NDArray[np.uint8], **options: Any) -> bytes:
    """Return a JPEG file of an array, shape (height, width, 3) in the order red, green, blue."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=95, **options)
    return out.getvalue()


def with_segment(data: bytes, marker: int, payload: bytes) -> bytes:
    """Return a JPEG file with a segment put before all others."""
    return data[:2] + struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload + data[2:]


def without_segments(data: bytes, marker: int) -> bytes:
    """Return a JPEG file without the segments of a marker before its first scan."""
    kept, at = data[:2], 2
    while data[at + 1] != 0xDA:
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        kept += b"" if data[at + 1] == marker else data[at:end]
        at = end
    return kept + data[at:]


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """Return one chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunk(data: bytes, chunk: bytes) -> bytes:
    """Return a PNG file with a chunk put after its header."""
    return data[:33] + chunk + data[33:]

"""Framing of SEAL's streams: header, version, compression, arrays.

All numbers are little-endian. A header is: magic 0xA15E, header size 16, version major, minor,
compression, 0, total bytes (u64). With compression, everything after it is one zstd frame
(``serialization.h``). An array inside has a header of its own without compression, its count (u64)
and its numbers (u64 each; ``DynArray::save_members``).
"""

from __future__ import annotations

import struct
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import zstandard

from gallery.errors import MalformedMessageError

SEAL_VERSION: Final = (4, 3)
"""Version of SEAL inside TenSEAL 0.3.18. SEAL loads only streams of exactly its own version."""

_HEADER: Final = struct.Struct("<HBBBBHQ")
_COUNT: Final = struct.Struct("<Q")
_MAGIC: Final = 0xA15E
_PLAIN, _ZSTD = 0, 2


def read_version(stream: bytes) -> tuple[int, int]:
    """Read which version of SEAL wrote a stream.

    Parameters
    ----------
    stream
        Anything that SEAL saved, for example its ``EncryptionParameters``.

    Returns
    -------
    tuple of int
        Major and minor version.

    Raises
    ------
    MalformedMessageError
        If it is no stream of SEAL 4.
    """
    check_header(stream, 0, len(stream))
    return stream[3], stream[4]


def write_stream(body: bytes, version: tuple[int, int]) -> bytes:
    """Return a stream without compression."""
    return _HEADER.pack(_MAGIC, _HEADER.size, *version, _PLAIN, 0, _HEADER.size + len(body)) + body


def open_stream(stream: bytes, limit: int) -> bytes:
    """Return the content of a stream after its header, decompressed.

    Parameters
    ----------
    stream
        Compressed with zstd or not at all.
    limit
        Most bytes that are of interest; of compressed ones, no more than one beyond is returned,
        because a few bytes of zstd can stand for gigabytes.

    Raises
    ------
    MalformedMessageError
        If the header is wrong or the rest cannot be decompressed.
    """
    compression = check_header(stream, 0, len(stream))
    if compression == _PLAIN:
        return stream[_HEADER.size :]
    if compression != _ZSTD:
        raise MalformedMessageError(f"stream of SEAL has compression mode {compression}")
    unpacker = zstandard.ZstdDecompressor()
    try:
        with unpacker.stream_reader(stream[_HEADER.size :]) as reader:
            return reader.read(limit + 1)
    except zstandard.ZstdError as error:
        raise MalformedMessageError("stream of SEAL cannot be decompressed") from error


def array_size(count: int) -> int:
    """Return the bytes that an array of ``count`` numbers takes."""
    return _HEADER.size + _COUNT.size + 8 * count


def write_array(numbers: npt.NDArray[Any], version: tuple[int, int]) -> bytes:
    """Return an array of unsigned numbers, of any shape and type."""
    return write_stream(_COUNT.pack(numbers.size) + numbers.astype("<u8").tobytes(), version)


def read_array(body: bytes, offset: int, count: int) -> npt.NDArray[np.uint64]:
    """Read the array that ends a body.

    Raises
    ------
    MalformedMessageError
        If it does not fill the body to its end or has another count.
    """
    if len(body) != offset + array_size(count):
        raise MalformedMessageError(f"body of SEAL's stream has {len(body)} bytes, not its due")
    compression = check_header(body, offset, len(body) - offset)
    if compression != _PLAIN or take(_COUNT, body, offset + _HEADER.size) != (count,):
        raise MalformedMessageError(
            "residues in a stream of SEAL have another header than their due"
        )
    return np.frombuffer(body, "<u8", count, len(body) - 8 * count)


def take(layout: struct.Struct, data: bytes, offset: int) -> tuple[Any, ...]:
    """Return the values of a layout at an offset (`MalformedMessageError` if it is cut off)."""
    if len(data) < offset + layout.size:
        raise MalformedMessageError("stream of SEAL is truncated")
    return layout.unpack_from(data, offset)


def check_header(data: bytes, offset: int, total: int) -> int:
    """Check the header at an offset (`MalformedMessageError`); return the mode of compression."""
    magic, header, major, _, compression, reserved, size = take(_HEADER, data, offset)
    if (magic, header, major, reserved) != (_MAGIC, _HEADER.size, SEAL_VERSION[0], 0):
        raise MalformedMessageError("stream does not start with a header of SEAL 4")
    if size != total:
        raise MalformedMessageError(f"stream of SEAL claims {size} bytes and has {total}")
    return int(compression)

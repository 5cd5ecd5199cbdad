"""SEAL's serialisation of a ciphertext, and the only module that knows it.

The format is that of SEAL 4 (``serialization.h``, ``Ciphertext::save_members``,
``DynArray::save_members``), all numbers little-endian::

    header   magic 0xA15E, header size 16, version major, minor, compression, 0, total bytes (u64)
    body     parms_id (32), NTT form (u8), size, N, primes (u64 each), scale (f64), correction (u64)
    residues a second header without compression, their count (u64), the residues (u64 each)

With compression, everything after the first header is one zstd frame.

SEAL's loader is not for untrusted bytes. A stream made here is: it holds nothing of anyone else's
but residues that were checked against their primes.
"""

from __future__ import annotations

import hashlib
import math
import struct
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import zstandard

from gallery.errors import MalformedMessageError
from gallery.parameters import ParameterSet

_HEADER: Final = struct.Struct("<HBBBBHQ")
_BODY: Final = struct.Struct("<32sBQQQdQ")
_COUNT: Final = struct.Struct("<Q")
_MAGIC: Final = 0xA15E

SEAL_VERSION: Final = (4, 3)
"""Version of SEAL inside TenSEAL 0.3.18. SEAL loads only streams of exactly its own version."""

_PLAIN, _ZSTD = 0, 2
_CKKS: Final = 2
_SIZES: Final = (2, 3)
"""Polynomials of a fresh ciphertext, and of a product that was not relinearised."""


@dataclass(frozen=True)
class SealCiphertext:
    """What a stream holds.

    Attributes
    ----------
    residues : numpy.ndarray
        uint32 of shape (size, primes, N), coefficients in SEAL's NTT order.
    scale : float
        CKKS scale.
    """

    residues: npt.NDArray[np.uint32]
    scale: float


@cache
def parms_id(parameters: ParameterSet) -> bytes:
    """Compute SEAL's identifier of the data level of a parameter set.

    SEAL hashes scheme, degree, primes and plain modulus (0 in CKKS) with BLAKE2b
    (``EncryptionParameters::compute_parms_id``).

    Parameters
    ----------
    parameters : ParameterSet

    Returns
    -------
    bytes
        32 of them, equal to ``SEALContext.first_parms_id()``.
    """
    words = (_CKKS, parameters.poly_modulus_degree, *parameters.data_primes, 0)
    return hashlib.blake2b(struct.pack(f"<{len(words)}Q", *words), digest_size=32).digest()


def check_residues(residues: npt.NDArray[Any], parameters: ParameterSet) -> None:
    """Check shape, type and range of the residues of one ciphertext.

    Parameters
    ----------
    residues : numpy.ndarray
        uint32 or uint64 of shape (2 or 3, primes, N).
    parameters : ParameterSet

    Raises
    ------
    MalformedMessageError
        If anything is wrong with them.
    """
    primes = parameters.data_primes
    if residues.dtype not in (np.dtype("<u4"), np.dtype("<u8")):
        raise MalformedMessageError(f"residues are {residues.dtype}, not uint32 or uint64")
    shape = (len(primes), parameters.poly_modulus_degree)
    if residues.ndim != 3 or residues.shape[0] not in _SIZES or residues.shape[1:] != shape:
        raise MalformedMessageError(f"residues have shape {residues.shape}, not (2 or 3, *{shape})")
    if (residues.max(axis=(0, 2)) >= np.array(primes)).any():
        raise MalformedMessageError("a residue is not below its prime")


def build_ciphertext(
    residues: npt.NDArray[Any],
    parameters: ParameterSet,
    scale: float,
    version: tuple[int, int] = SEAL_VERSION,
) -> bytes:
    """Build an uncompressed stream that SEAL's ``Ciphertext.load`` takes.

    Parameters
    ----------
    residues : numpy.ndarray
        uint32 or uint64 of shape (2 or 3, primes, N), in SEAL's NTT order.
    parameters : ParameterSet
    scale : float
        CKKS scale, finite and positive.
    version : tuple of int
        Major (4) and minor version of the SEAL that will load it, as `read_version` tells.

    Returns
    -------
    bytes

    Raises
    ------
    MalformedMessageError
        If the residues or the scale are not valid.
    """
    check_residues(residues, parameters)
    _check_scale(scale)
    size, primes, degree = residues.shape
    data = residues.astype("<u8").tobytes()
    body = _BODY.pack(parms_id(parameters), 1, size, degree, primes, scale, 1)
    body += _header(version, _HEADER.size + _COUNT.size + len(data))
    body += _COUNT.pack(residues.size) + data
    return _header(version, _HEADER.size + len(body)) + body


def parse_ciphertext(stream: bytes, parameters: ParameterSet) -> SealCiphertext:
    """Parse a stream that SEAL's ``Ciphertext.save`` wrote.

    Parameters
    ----------
    stream : bytes
        Compressed with zstd or not at all.
    parameters : ParameterSet
        What the ciphertext must have been made under.

    Returns
    -------
    SealCiphertext

    Raises
    ------
    MalformedMessageError
        If the bytes follow the format in any respect but exactly, or belong to other parameters.
    """
    shape = (len(parameters.data_primes), parameters.poly_modulus_degree)
    body = _open(stream, _body_bytes(max(_SIZES) * math.prod(shape)))
    fields = _take(_BODY, body, 0)
    identifier, is_ntt, size, degree, primes, scale, correction = fields
    if identifier != parms_id(parameters):
        raise MalformedMessageError(f"ciphertext is not of parameter set {parameters.name!r}")
    if (is_ntt, degree, primes, correction) != (1, shape[1], shape[0], 1) or size not in _SIZES:
        raise MalformedMessageError("ciphertext has another shape or form than its parameters")
    _check_scale(scale)
    count = size * math.prod(shape)
    if len(body) != _body_bytes(count):
        raise MalformedMessageError(f"ciphertext body has {len(body)} bytes, not its due")
    inner = _check_header(body, _BODY.size, len(body) - _BODY.size)
    if inner != _PLAIN or _take(_COUNT, body, _BODY.size + _HEADER.size) != (count,):
        raise MalformedMessageError("ciphertext's residues have another header than they should")
    wide = np.frombuffer(body, "<u8", count, len(body) - 8 * count).reshape(size, *shape)
    check_residues(wide, parameters)
    return SealCiphertext(wide.astype(np.uint32), scale)


def read_version(stream: bytes) -> tuple[int, int]:
    """Read which version of SEAL wrote a stream.

    Parameters
    ----------
    stream : bytes
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
    _check_header(stream, 0, len(stream))
    return stream[3], stream[4]


def _body_bytes(residues: int) -> int:
    return _BODY.size + _HEADER.size + _COUNT.size + 8 * residues


def _header(version: tuple[int, int], total: int) -> bytes:
    return _HEADER.pack(_MAGIC, _HEADER.size, *version, _PLAIN, 0, total)


def _take(layout: struct.Struct, data: bytes, offset: int) -> tuple[Any, ...]:
    if len(data) < offset + layout.size:
        raise MalformedMessageError("ciphertext stream is truncated")
    return layout.unpack_from(data, offset)


def _check_header(data: bytes, offset: int, total: int) -> int:
    magic, header, major, _, compression, reserved, size = _take(_HEADER, data, offset)
    if (magic, header, major, reserved) != (_MAGIC, _HEADER.size, SEAL_VERSION[0], 0):
        raise MalformedMessageError("ciphertext stream does not start with a header of SEAL 4")
    if size != total:
        raise MalformedMessageError(f"ciphertext stream claims {size} bytes and has {total}")
    return int(compression)


def _open(stream: bytes, limit: int) -> bytes:
    compression = _check_header(stream, 0, len(stream))
    if compression == _PLAIN:
        return stream[_HEADER.size :]
    if compression != _ZSTD:
        raise MalformedMessageError(f"ciphertext stream has compression mode {compression}")
    unpacker = zstandard.ZstdDecompressor()
    try:
        # Bounded, because a few bytes of zstd can stand for gigabytes.
        with unpacker.stream_reader(stream[_HEADER.size :]) as reader:
            return reader.read(limit + 1)
    except zstandard.ZstdError as error:
        raise MalformedMessageError("ciphertext stream cannot be decompressed") from error


def _check_scale(scale: float) -> None:
    if not (math.isfinite(scale) and scale > 0):
        raise MalformedMessageError("ciphertext's scale is not a positive number")

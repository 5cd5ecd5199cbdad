"""SEAL's streams of ciphertexts (``Ciphertext::save_members``).

The body is: parms_id (32), NTT form (u8), size, N, primes (u64 each), scale (f64), correction
(u64), then the residues as an array.

SEAL's loader must not be given untrusted bytes. It may be given a stream that was built here: only
the residues in it come from outside, and they are checked against their primes.
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

from gallery.ciphertexts.seal_stream.framing import (
    SEAL_VERSION,
    array_size,
    open_stream,
    read_array,
    take,
    write_array,
    write_stream,
)
from gallery.errors import MalformedMessageError
from gallery.parameters import CkksParameterSet

_BODY: Final = struct.Struct("<32sBQQQdQ")
_CKKS: Final = 2
_SIZES: Final = (2, 3)
"""Polynomials of a fresh ciphertext, and of a product that was not relinearised."""


@dataclass(frozen=True)
class SealCiphertext:
    """The content of a stream.

    Attributes
    ----------
    residues
        uint32 of shape (size, primes, N), coefficients in SEAL's NTT order.
    scale
        CKKS scale.
    """

    residues: npt.NDArray[np.uint32]
    scale: float


@cache
def parms_id(parameters: CkksParameterSet) -> bytes:
    """Compute SEAL's identifier of the data level of a parameter set.

    SEAL hashes scheme, degree, primes and plain modulus (0 in CKKS) with BLAKE2b
    (``EncryptionParameters::compute_parms_id``).

    Parameters
    ----------
    parameters
        The parameter set.

    Returns
    -------
    bytes
        32 of them, equal to ``SEALContext.first_parms_id()``.
    """
    words = (_CKKS, parameters.poly_modulus_degree, *parameters.data_primes, 0)
    return hashlib.blake2b(struct.pack(f"<{len(words)}Q", *words), digest_size=32).digest()


def check_residues(residues: npt.NDArray[Any], parameters: CkksParameterSet) -> None:
    """Check shape, type and range of the residues of one ciphertext.

    Parameters
    ----------
    residues
        uint32 or uint64 of shape (2 or 3, primes, N).
    parameters
        The parameter set.

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
    parameters: CkksParameterSet,
    scale: float,
    version: tuple[int, int] = SEAL_VERSION,
) -> bytes:
    """Build an uncompressed stream that SEAL's ``Ciphertext.load`` takes.

    Parameters
    ----------
    residues
        uint32 or uint64 of shape (2 or 3, primes, N), in SEAL's NTT order.
    parameters
        The parameter set.
    scale
        CKKS scale, finite and positive.
    version
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
    body = _BODY.pack(parms_id(parameters), 1, size, degree, primes, scale, 1)
    return write_stream(body + write_array(residues, version), version)


def parse_ciphertext(stream: bytes, parameters: CkksParameterSet) -> SealCiphertext:
    """Parse a stream that SEAL's ``Ciphertext.save`` wrote.

    Parameters
    ----------
    stream
        Compressed with zstd or not at all.
    parameters
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
    body = open_stream(stream, _BODY.size + array_size(max(_SIZES) * math.prod(shape)))
    fields = take(_BODY, body, 0)
    identifier, is_ntt, size, degree, primes, scale, correction = fields
    if identifier != parms_id(parameters):
        raise MalformedMessageError(f"ciphertext is not of parameter set {parameters.name!r}")
    if (is_ntt, degree, primes, correction) != (1, shape[1], shape[0], 1) or size not in _SIZES:
        raise MalformedMessageError("ciphertext has another shape or form than its parameters")
    _check_scale(scale)
    wide = read_array(body, _BODY.size, size * math.prod(shape)).reshape(size, *shape)
    check_residues(wide, parameters)
    return SealCiphertext(wide.astype(np.uint32), scale)


def _check_scale(scale: float) -> None:
    if not (math.isfinite(scale) and scale > 0):
        raise MalformedMessageError("ciphertext's scale is not a positive number")

"""SEAL's streams of secret keys (``Plaintext::save_members``), and where TenSEAL has them.

The body is: parms_id (32), count of residues (u64), scale (f64), then the residues as an array, in
NTT form and under all primes, the one for switching keys included.

TenSEAL puts the stream into a protocol buffer (``tensealcontext.proto``): field 1 of the message in
field 3.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np
import numpy.typing as npt

from gallery.ciphertexts.seal_stream.framing import array_size, open_stream, read_array, take
from gallery.errors import MalformedMessageError
from gallery.parameters import CkksParameterSet

_BODY: Final = struct.Struct("<32sQd")

_PRIVATE_CONTEXT, _SECRET_KEY = 3, 1
"""Numbers of TenSEAL's fields that lead to the stream of a secret key."""

_VARINT, _BYTES = 0, 2
"""Wire types of protocol buffers that occur in TenSEAL's contexts."""


def secret_key_stream(context: bytes) -> bytes:
    """Find SEAL's stream of the secret key in a context that TenSEAL serialised.

    Parameters
    ----------
    context
        What ``Context.serialize(save_secret_key=True)`` returned.

    Returns
    -------
    bytes

    Raises
    ------
    MalformedMessageError
        If it holds no secret key, or is no such context.
    """
    return _field(_field(context, _PRIVATE_CONTEXT), _SECRET_KEY)


def parse_secret_key(stream: bytes, parameters: CkksParameterSet) -> npt.NDArray[np.uint32]:
    """Parse a stream that SEAL's ``SecretKey.save`` wrote.

    Parameters
    ----------
    stream
        Compressed with zstd or not at all.
    parameters
        What the key must have been made under.

    Returns
    -------
    numpy.ndarray
        uint32 of shape (primes, N): its residues under the data primes, in SEAL's NTT order.

    Raises
    ------
    MalformedMessageError
        If the bytes follow the format in any respect but exactly, or belong to other primes.
    """
    primes, degree = parameters.data_primes, parameters.poly_modulus_degree
    count = len(parameters.coeff_mod_bit_sizes) * degree
    body = open_stream(stream, _BODY.size + array_size(count))
    if take(_BODY, body, 0)[1] != count:
        raise MalformedMessageError(f"secret key is not of parameter set {parameters.name!r}")
    residues = read_array(body, _BODY.size, count).reshape(-1, degree)[: len(primes)]
    if (residues.max(axis=1) >= np.array(primes)).any():
        raise MalformedMessageError("a residue of the secret key is not below its prime")
    return residues.astype(np.uint32)


def _field(message: bytes, number: int) -> bytes:
    """Return the bytes of a field of a protocol buffer that holds numbers and bytes."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        wire = tag & 7
        if wire == _VARINT:
            _, at = _varint(message, at)
            continue
        if wire != _BYTES:
            break
        length, at = _varint(message, at)
        if tag >> 3 == number:
            if at + length > len(message):
                break
            return message[at : at + length]
        at += length
    raise MalformedMessageError("this is no TenSEAL context with a secret key")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Return the number at an offset, and the offset behind it."""
    value = 0
    for place, byte in enumerate(message[at : at + 10]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise MalformedMessageError("this is no TenSEAL context with a secret key")

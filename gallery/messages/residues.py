"""Residues of ciphertexts as messages carry them: packed, and below their prime.

A set of ciphertexts whose uniform halves were expanded from a seed travels as the seed and its
other halves. That is about half of the bytes; the receiver expands the seed again.
"""

from __future__ import annotations

import math

import numpy as np

from gallery.arrays import Residues
from gallery.ciphertexts.bit_packing import pack, packed_size, unpack
from gallery.ciphertexts.seeds import SEED_SIZE, expand_into
from gallery.errors import MalformedMessageError
from gallery.messages.wire import Reader, Writer
from gallery.parameters import CkksParameterSet, ParameterSet

_WHOLE, _SEEDED = 0, 1
"""Forms of a set of ciphertexts: both halves, or a seed and the halves that are not uniform."""


def check_residues(
    residues: Residues, shape: tuple[int, ...], prime_axis: int, parameters: ParameterSet
) -> None:
    """Check that an array has the shape of the format and that no residue reaches its prime.

    Raises
    ------
    MalformedMessageError
        If it does not. SEAL's own loader is not made for hostile input, so this check stands
        before everything that computes with residues.
    """
    if residues.dtype != np.uint32 or residues.shape != shape:
        raise MalformedMessageError(
            f"residues of shape {residues.shape} and type {residues.dtype}, "
            f"expected shape {shape} and type uint32"
        )
    if not residues.flags.c_contiguous:
        raise MalformedMessageError("residues are not contiguous in memory")
    # Views, so that nothing of the size of a probe is copied only to be looked at.
    by_prime = np.moveaxis(residues, prime_axis, 0) if prime_axis else residues
    for of_prime, prime in zip(by_prime, parameters.data_primes, strict=True):
        if of_prime.max() >= prime:
            raise MalformedMessageError(f"a residue is not below its prime {prime}")


def write_residues(writer: Writer, residues: Residues, parameters: ParameterSet) -> None:
    """Append an array of residues in C order, packed."""
    writer.fixed(pack(residues, parameters.residue_bits))


def read_residues(reader: Reader, shape: tuple[int, ...], parameters: ParameterSet) -> Residues:
    """Take an array of residues, which must be all that is left of the message.

    Raises
    ------
    MalformedMessageError
        If what is left is not as many bytes as ``shape`` calls for.
    """
    count = math.prod(shape)
    bits = parameters.residue_bits
    size = packed_size(count, bits)
    if reader.remaining != size:
        raise reader.malformed(
            f"residues of shape {shape} take {size} bytes, found {reader.remaining}"
        )
    return unpack(reader.view(size), count, bits).reshape(shape)


def write_columns(
    writer: Writer, residues: Residues, seed: bytes | None, parameters: ParameterSet
) -> None:
    """Append a set of ciphertexts: whole, or seeded if the seed of its uniform halves is known.

    Parameters
    ----------
    residues
        Of the shape that the parameter set gives to a block or a probe.
    seed
        The seed that `gallery.ciphertexts.seeds` expanded to the second polynomials, or None.
    parameters
        The parameter set.
    """
    if seed is None:
        writer.u8(_WHOLE)
        write_residues(writer, residues, parameters)
    else:
        writer.u8(_SEEDED).fixed(seed)
        write_residues(writer, np.ascontiguousarray(residues[..., 0, :]), parameters)


def read_columns(
    reader: Reader, shape: tuple[int, ...], parameters: ParameterSet
) -> tuple[Residues, bytes | None]:
    """Take a set of ciphertexts, which must be all that is left of the message.

    Returns
    -------
    tuple of (ndarray of uint32, bytes or None)
        The residues, of the given shape, and their seed.

    Raises
    ------
    MalformedMessageError
        If what is left is of another size or form.
    """
    form = reader.u8()
    if form == _WHOLE:
        return read_residues(reader, shape, parameters), None
    if form != _SEEDED or not isinstance(parameters, CkksParameterSet):
        raise reader.malformed(f"ciphertexts of an unknown form, {form}")
    seed = reader.fixed(SEED_SIZE)
    first = read_residues(reader, (*shape[:3], shape[4]), parameters)
    residues = np.empty(shape, np.uint32)
    residues[..., 0, :] = first
    expand_into(residues, seed, parameters)
    return residues, seed

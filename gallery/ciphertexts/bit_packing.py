"""Bit packing of residues: as many bits of each 32 as its prime has, without the empty ones.

Data primes have 27 or 30 bits (`gallery.parameters.ParameterSet.residue_bits`). Packed to b bits,
residue ``k`` is bits ``b*k`` to ``b*k + b - 1`` of the whole, taken as one little-endian number.
Eight residues thus become b bytes, and 32 become b words of 32 bits. The number of residues must be
a multiple of 32, as that of whole polynomials is, and of whole tiles of two.

Whether a residue is below its prime is not checked here: see `gallery.messages`.
"""

from __future__ import annotations

from types import ModuleType
from typing import Final

import numpy as np

from gallery.arrays import Residues
from gallery.errors import MalformedMessageError

GROUP: Final = 32
"""Residues that end on a word together; their number is a multiple of it."""


def packed_size(count: int, bits: int) -> int:
    """Return the bytes of ``count`` packed residues of ``bits`` bits, 25 to 31.

    Raises
    ------
    MalformedMessageError
        If ``count`` is no multiple of 32.
    """
    if count % GROUP:
        raise MalformedMessageError(f"{count} residues are not whole groups of {GROUP}")
    return count // 8 * bits


def pack(residues: Residues, bits: int) -> bytes:
    """Pack residues.

    Parameters
    ----------
    residues
        uint32 of any shape, each below 2**bits, taken in C order; their number a multiple of 32.
    bits
        25 to 31.

    Returns
    -------
    bytes
        ``bits`` bytes for every 8 residues.

    Raises
    ------
    MalformedMessageError
        If a residue has more bits, or their number is no multiple of 32.
    """
    words = np.empty(packed_size(residues.size, bits) // 4, "<u4")
    # Seen as read-only, so that one compiled version serves all.
    given = np.require(residues, "<u4", ["C", "A"]).reshape(-1).view()
    given.flags.writeable = False
    if _kernels().pack(given, bits, words) >> bits:
        raise MalformedMessageError(f"a residue has more than {bits} bits")
    return words.tobytes()


def unpack(data: bytes | memoryview, count: int, bits: int) -> Residues:
    """Unpack residues.

    Parameters
    ----------
    data
        What `pack` returned.
    count
        How many residues it holds.
    bits
        As for `pack`.

    Returns
    -------
    numpy.ndarray
        uint32 of shape (count,), each below 2**bits.

    Raises
    ------
    MalformedMessageError
        If the data has another length than ``count`` residues have.
    """
    if len(data) != packed_size(count, bits):
        raise MalformedMessageError(f"{len(data)} bytes do not hold {count} packed residues")
    residues = np.empty(count, "<u4")
    # A copy, for what was received may start at any byte.
    _kernels().unpack(np.frombuffer(data, "<u4").copy(), bits, residues)
    return residues


def _kernels() -> ModuleType:
    # Loaded late: commands that handle no residues need no compiler.
    from gallery.ciphertexts import packing_kernels

    return packing_kernels

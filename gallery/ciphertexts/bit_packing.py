"""Bit packing of residues: as many bits of each 32 as its prime has, without the empty ones.

Data primes have 27 or 30 bits (`gallery.parameters.ParameterSet.residue_bits`). Packed to b bits,
residue ``k`` is bits ``b*k`` to ``b*k + b - 1`` of the whole, taken as one little-endian number.
Eight residues thus become b bytes, and 32 become b words of 32 bits. The number of residues must be
a multiple of 32, as that of whole polynomials is, and of whole tiles of two.

Whether a residue is below its prime is not checked here: see `gallery.messages`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from gallery.arrays import Residues
from gallery.errors import MalformedMessageError

GROUP: Final = 32
"""Residues that end on a word together; their number is a multiple of it."""

_CHUNK: Final = 4096
"""Groups of eight that are packed at once, so that they stay in the processor's caches."""


def packed_size(count: int, bits: int) -> int:
    """Return how many bytes ``count`` residues of ``bits`` bits, 25 to 31, become.

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
    residues : numpy.ndarray
        uint32 of any shape, each below 2**bits, taken in C order; their number a multiple of 32.
    bits : int
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
    packed = np.empty(packed_size(residues.size, bits) // bits, _eight(bits))
    if residues.size and residues.max() >> bits:
        raise MalformedMessageError(f"a residue has more than {bits} bits")
    # Two neighbours become one word of 64 bits, the first in its low half: shape (groups, 4).
    twos = np.ascontiguousarray(residues, "<u4").reshape(-1).view("<u8").reshape(-1, 4)
    for start in range(0, len(packed), _CHUNK):
        _pack_eights(twos[start : start + _CHUNK], packed[start : start + _CHUNK], bits)
    return packed.tobytes()


def unpack(data: bytes | memoryview, count: int, bits: int) -> Residues:
    """Unpack residues.

    Parameters
    ----------
    data : bytes or memoryview
        What `pack` returned.
    count : int
        How many residues it holds.
    bits : int
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
    packed = np.frombuffer(data, _eight(bits))
    twos = np.empty((len(packed), 4), "<u8")
    for start in range(0, len(packed), _CHUNK):
        _unpack_eights(packed[start : start + _CHUNK], twos[start : start + _CHUNK], bits)
    return twos.reshape(-1).view("<u4")


def _eight(bits: int) -> np.dtype[np.void]:
    """Return the type of eight residues: three words of 64 bits, and the bytes above them."""
    return np.dtype([("words", "<u8", 3), ("rest", "u1", bits - 24)])


def _masks(bits: int) -> tuple[np.uint64, np.uint64]:
    """Return the masks of one residue, and of two side by side."""
    return np.uint64(2**bits - 1), np.uint64(2 ** (2 * bits) - 1)


def _pack_eights(twos: npt.NDArray[np.uint64], packed: npt.NDArray[np.void], bits: int) -> None:
    """Pack groups of eight: shape (n, 4), two residues in the halves of each word, to (n,)."""
    low, pair = _masks(bits)
    # The upper residue moves down from bit 32 to bit b, so that a pair is 2b bits without a gap.
    a, b, c, d = ((twos & low) | ((twos >> np.uint64(32 - bits)) & (pair ^ low))).T
    # Pairs b, c and d begin at bits 2b, 4b and 6b of the whole. What the shift into the word that
    # they begin in pushes out goes into the next word.
    words = packed["words"]
    words[:, 0] = a | (b << np.uint64(2 * bits))
    words[:, 1] = (b >> np.uint64(64 - 2 * bits)) | (c << np.uint64(4 * bits - 64))
    words[:, 2] = (c >> np.uint64(128 - 4 * bits)) | (d << np.uint64(6 * bits - 128))
    above = np.ascontiguousarray(d >> np.uint64(192 - 6 * bits), "<u8")
    packed["rest"] = above.view(np.uint8).reshape(-1, 8)[:, : bits - 24]


def _unpack_eights(packed: npt.NDArray[np.void], twos: npt.NDArray[np.uint64], bits: int) -> None:
    """Unpack groups of eight, shape (n,), to (n, 4): the inverse of `_pack_eights`."""
    low, pair = _masks(bits)
    first, second, third = packed["words"].T
    rest = np.zeros((len(packed), 8), np.uint8)
    rest[:, : bits - 24] = packed["rest"]
    twos[:, 0] = first
    twos[:, 1] = (first >> np.uint64(2 * bits)) | (second << np.uint64(64 - 2 * bits))
    twos[:, 2] = (second >> np.uint64(4 * bits - 64)) | (third << np.uint64(128 - 4 * bits))
    twos[:, 3] = (third >> np.uint64(6 * bits - 128)) | (
        rest.view("<u8")[:, 0] << np.uint64(192 - 6 * bits)
    )
    twos &= pair  # without the bits of the next pair
    # The upper residue of each pair moves back from bit b to bit 32.
    twos[...] = (twos & low) | ((twos >> np.uint64(bits)) << np.uint64(32))

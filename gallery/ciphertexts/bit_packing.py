"""Bit packing of residues: 27 bits of each 32, without the empty ones.

Data primes have 27 bits (`gallery.parameters.ParameterSet`), so 5 bits of each uint32 are zero.
Packed, residue ``k`` is bits ``27*k`` to ``27*k + 26`` of the whole, taken as one little-endian
number. Eight residues thus become 27 bytes, and 32 become 27 words of 32 bits. The number of
residues must be a multiple of 32, as that of whole polynomials is, and of whole tiles of two.

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

_BITS: Final = 27
_LOW: Final = np.uint64(2**_BITS - 1)
"""Mask of one residue: the low 27 bits of a word of 64."""

_PAIR: Final = np.uint64(2 ** (2 * _BITS) - 1)
"""Mask of two residues side by side: the low 54 bits."""

_EIGHT: Final = np.dtype(
    [("first", "<u8"), ("second", "<u8"), ("third", "<u8"), ("low", "<u2"), ("high", "u1")]
)
"""Eight residues, 27 bytes: three words of 64 bits, and 24 bits, for which NumPy has no type."""

_CHUNK: Final = 4096
"""Groups of eight that are packed at once, so that they stay in the processor's caches."""


def packed_size(count: int) -> int:
    """Return how many bytes ``count`` residues become.

    Raises
    ------
    MalformedMessageError
        If ``count`` is no multiple of 32.
    """
    if count % GROUP:
        raise MalformedMessageError(f"{count} residues are not whole groups of {GROUP}")
    return count // 8 * _EIGHT.itemsize


def pack(residues: Residues) -> bytes:
    """Pack residues.

    Parameters
    ----------
    residues : numpy.ndarray
        uint32 of any shape, each below 2**27, taken in C order; their number a multiple of 32.

    Returns
    -------
    bytes
        27 bytes for every 8 residues.

    Raises
    ------
    MalformedMessageError
        If a residue has more than 27 bits, or their number is no multiple of 32.
    """
    packed = np.empty(packed_size(residues.size) // _EIGHT.itemsize, _EIGHT)
    if residues.size and residues.max() >> _BITS:
        raise MalformedMessageError(f"a residue has more than {_BITS} bits")
    # Two neighbours become one word of 64 bits, the first in its low half: shape (groups, 4).
    twos = np.ascontiguousarray(residues, "<u4").reshape(-1).view("<u8").reshape(-1, 4)
    for start in range(0, len(packed), _CHUNK):
        _pack_eights(twos[start : start + _CHUNK], packed[start : start + _CHUNK])
    return packed.tobytes()


def unpack(data: bytes | memoryview, count: int) -> Residues:
    """Unpack residues.

    Parameters
    ----------
    data : bytes or memoryview
        What `pack` returned.
    count : int
        How many residues it holds.

    Returns
    -------
    numpy.ndarray
        uint32 of shape (count,), each below 2**27.

    Raises
    ------
    MalformedMessageError
        If the data has another length than ``count`` residues have.
    """
    if len(data) != packed_size(count):
        raise MalformedMessageError(f"{len(data)} bytes do not hold {count} packed residues")
    packed = np.frombuffer(data, _EIGHT)
    twos = np.empty((len(packed), 4), "<u8")
    for start in range(0, len(packed), _CHUNK):
        _unpack_eights(packed[start : start + _CHUNK], twos[start : start + _CHUNK])
    return twos.reshape(-1).view("<u4")


def _pack_eights(twos: npt.NDArray[np.uint64], packed: npt.NDArray[np.void]) -> None:
    """Pack groups of eight: shape (n, 4), two residues in the halves of each word, to (n,)."""
    # The upper residue moves down from bit 32 to bit 27, so that a pair is 54 bits without a gap.
    pairs = (twos & _LOW) | ((twos >> np.uint64(32 - _BITS)) & (_PAIR ^ _LOW))
    # Pairs b, c and d begin at bits 54, 108 and 162 of the whole: at bit 54 of the first word, bit
    # 44 of the second and bit 34 of the third. What the shift pushes out goes into the next word.
    a, b, c, d = pairs.T
    packed["first"] = a | (b << np.uint64(54))
    packed["second"] = (b >> np.uint64(10)) | (c << np.uint64(44))
    packed["third"] = (c >> np.uint64(20)) | (d << np.uint64(34))
    packed["low"] = (d >> np.uint64(30)) & np.uint64(0xFFFF)
    packed["high"] = d >> np.uint64(46)


def _unpack_eights(packed: npt.NDArray[np.void], twos: npt.NDArray[np.uint64]) -> None:
    """Unpack groups of eight, shape (n,), to (n, 4): the inverse of `_pack_eights`."""
    first, second, third = packed["first"], packed["second"], packed["third"]
    rest = packed["low"] | (packed["high"].astype(np.uint64) << np.uint64(16))
    twos[:, 0] = first
    twos[:, 1] = (first >> np.uint64(54)) | (second << np.uint64(10))
    twos[:, 2] = (second >> np.uint64(44)) | (third << np.uint64(20))
    twos[:, 3] = (third >> np.uint64(34)) | (rest << np.uint64(30))
    twos &= _PAIR  # without the bits of the next pair
    # The upper residue of each pair moves back from bit 27 to bit 32.
    twos[...] = (twos & _LOW) | ((twos >> np.uint64(_BITS)) << np.uint64(32))

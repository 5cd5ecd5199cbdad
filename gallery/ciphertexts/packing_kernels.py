"""Bit packing of residues in compiled loops; see `gallery.ciphertexts.bit_packing`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gallery.arrays import Residues
from gallery.compilation import kept

Words = npt.NDArray[np.uint32]


def _pack(residues: Residues, bits: int, words: Words) -> int:
    """Pack residues into words; return their bitwise or, which tells whether one has more bits.

    Parameters
    ----------
    residues : numpy.ndarray
        uint32 of shape (n,), n a multiple of 32.
    bits : int
        25 to 31.
    words : numpy.ndarray
        uint32 of shape (n / 32 * bits,).
    """
    waiting, held, place, every = np.uint64(0), 0, 0, np.uint32(0)
    for k in range(residues.size):
        every |= residues[k]
        waiting |= np.uint64(residues[k]) << np.uint64(held)
        held += bits
        if held >= 32:
            words[place] = np.uint32(waiting & np.uint64(0xFFFFFFFF))
            waiting >>= np.uint64(32)
            held -= 32
            place += 1
    return int(every)


def _unpack(words: Words, bits: int, residues: Residues) -> None:
    """Undo `_pack`."""
    mask = np.uint64(2**32 - 1) >> np.uint64(32 - bits)
    waiting, held, place = np.uint64(0), 0, 0
    for k in range(residues.size):
        if held < bits:
            waiting |= np.uint64(words[place]) << np.uint64(held)
            held += 32
            place += 1
        residues[k] = np.uint32(waiting & mask)
        waiting >>= np.uint64(bits)
        held -= bits


pack, unpack = map(kept, (_pack, _unpack))
"""Compiled at the first call and kept on disk; they run without Python's global lock."""

"""The compiled loop of an expansion: which words of a keystream count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

BITS: Final = 27
"""Bits of a word that are taken: data primes have 27 (`gallery.parameters.ParameterSet`)."""

_MASK = np.uint32(2**BITS - 1)
_kept: Callable[..., Callable[..., Any]] = njit(nogil=True, cache=True)


def _accept(words: npt.NDArray[np.uint32], prime: np.uint32) -> np.intp:
    """Move the words whose low 27 bits are below the prime to the front, without the other bits.

    Parameters
    ----------
    words : numpy.ndarray
        uint32 of shape (n,); overwritten.
    prime : numpy.uint32

    Returns
    -------
    int
        How many they are; what is behind them is of no use.
    """
    count = np.intp(0)
    # All are written and few are written again: a branch would be mispredicted for each of those.
    for j in range(words.size):
        word = words[j] & _MASK
        words[count] = word
        count += np.intp(word < prime)
    return count


accept = _kept(_accept)

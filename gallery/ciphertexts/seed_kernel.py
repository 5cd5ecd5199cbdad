"""The compiled kernel of seed expansion: rejection sampling of the words of a keystream."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gallery.compilation import kept


def _accept(words: npt.NDArray[np.uint32], mask: np.uint32, prime: np.uint32) -> np.intp:
    """Move the words whose low bits are below the prime to the front, without the other bits.

    Parameters
    ----------
    words : numpy.ndarray
        uint32 of shape (n,); overwritten.
    mask : numpy.uint32
        The bits that are taken, as many as the prime has.
    prime : numpy.uint32

    Returns
    -------
    int
        Number of accepted words; the words behind them are of no use.
    """
    count = np.intp(0)
    # Each word is written at the end of those accepted, and overwritten by the next one if it is
    # rejected: a branch would be mispredicted for each rejected word.
    for j in range(words.size):
        word = words[j] & mask
        words[count] = word
        count += np.intp(word < prime)
    return count


accept = kept(_accept)

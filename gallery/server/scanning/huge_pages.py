"""Memory of huge pages, for what a scan reads from one end to the other.

A processor reads ahead within a page and translates addresses page by page, so that a scan of pages
of 4 KiB waits at each of them. Linux gives pages of 2 MiB to whoever asks, where it has some
(its documentation: *Transparent Hugepage Support*).
"""

from __future__ import annotations

import mmap
from typing import Final

import numpy as np

from gallery.arrays import Residues

HUGE_PAGE: Final = 2 << 20
"""Bytes of a huge page on x86-64, and on arm64 with base pages of 4 KiB."""


def in_huge_pages(residues: Residues) -> Residues:
    """Return a read-only copy that lies in huge pages as far as it fills them.

    What is left over lies in small pages, so that the copy takes no more memory than the original.
    Where the system has no huge pages, all of it does. The memory goes back to the system as soon
    as the copy is not needed any more.

    Parameters
    ----------
    residues
        uint32 of any shape, contiguous.

    Returns
    -------
    numpy.ndarray
        uint32 of the same shape.
    """
    whole = residues.nbytes - residues.nbytes % HUGE_PAGE
    copy = _mapped(residues.nbytes, whole) if whole else None
    if copy is None:
        copy = np.empty(residues.size, np.uint32)
    copy[:] = residues.reshape(-1)
    copy.flags.writeable = False
    return copy.reshape(residues.shape)


def _mapped(size: int, whole: int) -> Residues | None:
    """Return memory whose first ``whole`` bytes are to be huge pages; None if there are none."""
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return None
    try:
        # Memory that nobody touches takes none: so much more lets it begin with a huge page.
        mapped = mmap.mmap(-1, size + HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        start = -np.frombuffer(mapped, np.uint8).ctypes.data % HUGE_PAGE
        mapped.madvise(mmap.MADV_HUGEPAGE, start, whole)
    except OSError:
        # A kernel without them, or too many mappings.
        return None
    return np.frombuffer(mapped, np.uint32, size // 4, start)

"""Settings of the C library's allocator, so that a server's memory does not creep up.

Bodies, blocks and answers are megabytes and come from many threads. glibc gives each thread an
arena of its own and, after the first large block was freed, takes large blocks from arenas too,
where they leave holes that are never given back. With few arenas, and a fixed size from which on a
block is mapped and unmapped alone, freed memory goes back to the system.
"""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
"""Names of the parameters in glibc's ``malloc.h``; see mallopt(3)."""

ARENAS = 2
MMAP_THRESHOLD = 1024 * 1024
"""Bytes from which on a block is mapped alone."""


def configure_allocator() -> bool:
    """Set the allocator of this process up for a server; return whether it took the settings.

    Other C libraries than glibc have no such settings, and need none that are known.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_ARENA_MAX, ARENAS)) and bool(mallopt(_M_MMAP_THRESHOLD, MMAP_THRESHOLD))

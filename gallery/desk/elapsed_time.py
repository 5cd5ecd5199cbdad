"""Elapsed seconds that count a machine's sleep, which those of `time.monotonic` do not.

A laptop that is closed at the desk and opened the next morning was idle all night.
"""

from __future__ import annotations

import time
from typing import Final

# macOS has no such clock, and its monotonic one counts the sleep when it is asked by its number.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def elapsed_seconds() -> float:
    """Return seconds that only grow, from any beginning."""
    return time.clock_gettime(_CLOCK)

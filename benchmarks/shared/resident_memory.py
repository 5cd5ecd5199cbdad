"""The peak resident memory of this process and of its children."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

RUSAGE_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in one unit of ``ru_maxrss``."""


def peak_resident() -> int:
    """Return the most bytes of memory that this process has occupied.

    Linux keeps ``ru_maxrss`` across ``exec``, so that a process would state its parent's peak.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RUSAGE_UNIT
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    assert found, "Linux states VmHWM"
    return 1024 * int(found[1])


def peak_resident_of_children() -> int:
    """Return the most bytes that a child of this process has occupied, of those that ended."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * RUSAGE_UNIT

"""The number of processes that embed photos at once, by processor cores and free memory."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

WORKER_BYTES: Final = 700_000_000
"""Memory of one worker: 350 MB with the model Dlib, and what decoding a large photo takes."""

_CGROUPS: Final = Path("/sys/fs/cgroup")
_MEMORY: Final = Path("/proc/meminfo")


def default_jobs() -> int:
    """Return the number of processes that this machine has cores and memory for, at least one."""
    cores, memory = _cores(), _free_memory()
    return max(1, cores if memory is None else min(cores, memory // WORKER_BYTES))


def _cores() -> int:
    """Return the processor cores that this process may use, by affinity and by its container."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    # Quota and period in microseconds; "max" where there is no quota.
    words = _text(_CGROUPS / "cpu.max").split()
    if len(words) != 2:
        words = [_text(_CGROUPS / f"cpu/cpu.cfs_{name}_us") for name in ("quota", "period")]
    with suppress(ValueError):
        quota, period = map(int, words)
        if quota > 0 and period > 0:
            cores = min(cores, math.ceil(quota / period))
    return cores


def _free_memory() -> int | None:
    """Return the bytes that new processes may take, or None where the system does not say it."""
    found = []
    for line in _text(_MEMORY).splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            found.append(1024 * int(value.split()[0]))
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        with suppress(ValueError):
            found.append(int(_text(_CGROUPS / limit)) - int(_text(_CGROUPS / used)))
    return max(0, min(found)) if found else None


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace").strip()
    except OSError:
        return ""

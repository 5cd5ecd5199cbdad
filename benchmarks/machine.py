"""What a measurement was made on: the machine, what else it did, and how fast its memory is."""

from __future__ import annotations

import os
import platform
import re
import resource
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import psutil

from benchmarks.timing import Candidate, Spread, in_turn
from gallery.evaluator.native import usable_cores

PACKAGES = ("numpy", "numba", "llvmlite", "tenseal", "faiss-cpu")

_ARRAY_BYTES = 256 * 1024 * 1024
"""Well above the last cache of the machines that this runs on."""


def describe() -> dict[str, str | int]:
    """Name processor, cores, system, and the versions of everything that matters."""
    found: dict[str, str | int] = {
        "processor": _processor(),
        "cores": usable_cores(),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def load_average() -> list[float]:
    """Return how many threads wanted a core, on average over 1, 5 and 15 minutes."""
    return [round(value, 2) for value in os.getloadavg()]


def free_memory() -> int:
    """Return the bytes that a program could take now without swapping."""
    return int(psutil.virtual_memory().available)


def peak_resident() -> int:
    """Return the most bytes of memory that this process has occupied.

    Linux keeps ``ru_maxrss`` across ``exec``, so that a process would state its parent's peak.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else 1024 * peak
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    assert found, "Linux states VmHWM"
    return 1024 * int(found[1])


def memory_bandwidth(repeats: int) -> dict[str, Spread]:
    """Measure gigabytes (1e9 bytes) a second of one thread on 256 MiB arrays, with NumPy.

    ``read`` sums an array; ``copy`` counts what it reads and what it writes.
    """
    source = np.ones(_ARRAY_BYTES // 8, np.int64)
    target = np.empty_like(source)
    ways = {
        "read": Candidate("read", source.sum, source.nbytes / 1e9),
        "copy": Candidate("copy", lambda: np.copyto(target, source), 2 * source.nbytes / 1e9),
    }
    taken = in_turn([*ways.values()], repeats)
    return {
        name: Spread.of(1.0 / seconds for seconds in series.seconds)
        for name, series in zip(ways, taken, strict=True)
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    names = {key.strip(): value.strip() for key, value in fields.items()}
    family, model = names.get("cpu family", "?"), names.get("model", "?")
    return f"{names.get('model name', 'unknown')} (family {family}, model {model})"

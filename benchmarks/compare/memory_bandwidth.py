"""The memory bandwidth of one thread, with NumPy."""

from __future__ import annotations

import numpy as np

from benchmarks.compare.timing import Spread, TimedCall, time_in_turn

_ARRAY_BYTES = 256 * 1024 * 1024
"""Well above the last cache of the machines that this runs on."""


def memory_bandwidth(repeats: int) -> dict[str, Spread]:
    """Measure gigabytes (1e9 bytes) a second of one thread on arrays of 256 MiB.

    ``read`` sums an array; ``copy`` counts the bytes that it reads and those that it writes.
    """
    source = np.ones(_ARRAY_BYTES // 8, np.int64)
    target = np.empty_like(source)
    calls = {
        "read": TimedCall("read", source.sum, source.nbytes / 1e9),
        "copy": TimedCall("copy", lambda: np.copyto(target, source), 2 * source.nbytes / 1e9),
    }
    taken = time_in_turn([*calls.values()], repeats)
    return {
        name: Spread.of(1.0 / seconds for seconds in series.seconds)
        for name, series in zip(calls, taken, strict=True)
    }

"""The memory bandwidth of one thread and of two, with NumPy."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmarks.shared.timing import Spread, TimedCall, time_in_turn

_ARRAY_BYTES = 256 * 1024 * 1024
"""Well above the last cache of the machines that this runs on."""


def memory_bandwidth(repeats: int) -> dict[str, Spread]:
    """Measure gigabytes (1e9 bytes) a second on arrays of 256 MiB.

    ``read`` sums an array; ``copy`` counts the bytes that it reads and those that it writes;
    ``read_on_two_threads`` sums both halves at once.
    """
    source = np.ones(_ARRAY_BYTES // 8, np.int64)
    target = np.empty_like(source)
    halves = np.split(source, 2)
    with ThreadPoolExecutor(2) as pool:

        def sum_halves() -> None:
            list(pool.map(np.sum, halves))

        calls = {
            "read": TimedCall("read", source.sum, source.nbytes / 1e9),
            "copy": TimedCall("copy", lambda: np.copyto(target, source), 2 * source.nbytes / 1e9),
            "read_on_two_threads": TimedCall("read", sum_halves, source.nbytes / 1e9),
        }
        taken = time_in_turn([*calls.values()], repeats)
    return {
        name: Spread.of(1.0 / seconds for seconds in series.seconds)
        for name, series in zip(calls, taken, strict=True)
    }

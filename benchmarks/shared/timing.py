"""Timing of several calls in turn, so that the ratios of their times mean something."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

LEAST_SECONDS = 0.05
"""A call is repeated until it fills this time: a clock and a scheduler need some room."""


@dataclass(frozen=True)
class Spread:
    """Median and extremes over the repeats."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Summarise at least one value."""
        found = list(values)
        return cls(statistics.median(found), min(found), max(found))

    def times(self, factor: float) -> Spread:
        """Return it in another unit."""
        return Spread(factor * self.median, factor * self.least, factor * self.most)


@dataclass(frozen=True)
class TimedCall:
    """A call whose time is measured.

    Attributes
    ----------
    name
        Its name in the report.
    run
        The call.
    items
        What the time of one run is divided by: comparisons, probes, templates.
    """

    name: str
    run: Callable[[], object]
    items: float = 1.0


@dataclass(frozen=True)
class Series:
    """Seconds per item of one call, one value for each repeat."""

    seconds: tuple[float, ...]

    @property
    def spread(self) -> Spread:
        return Spread.of(self.seconds)

    def times_faster_than(self, other: Series) -> Spread:
        """Return how many times as long the other takes; each ratio is of one repeat."""
        return Spread.of(b / a for a, b in zip(self.seconds, other.seconds, strict=True))

    def plus(self, other: Series) -> Series:
        """Return the time of both calls, repeat by repeat."""
        return Series(tuple(a + b for a, b in zip(self.seconds, other.seconds, strict=True)))


def time_in_turn(calls: Sequence[TimedCall], repeats: int) -> list[Series]:
    """Time all calls once in each repeat, one after the other.

    Each call runs once before, which also says how often it has to run to fill `LEAST_SECONDS`.
    """
    counts = [_runs_needed(call) for call in calls]
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats):
        for call, count, taken in zip(calls, counts, seconds, strict=True):
            taken.append(_seconds(call, count) / (count * call.items))
    return [Series(tuple(taken)) for taken in seconds]


def _runs_needed(call: TimedCall) -> int:
    first = _seconds(call, 1)
    if first >= 10 * LEAST_SECONDS:
        return 1
    # The first run also loads and allocates; the second shows how long it takes.
    return max(1, math.ceil(LEAST_SECONDS / max(_seconds(call, 1), 1e-9)))


def _seconds(call: TimedCall, runs: int) -> float:
    started = time.perf_counter()
    for _ in range(runs):
        call.run()
    return time.perf_counter() - started

"""Times of several things that are measured in turn, so that their ratios mean something."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

LEAST_SECONDS = 0.05
"""What is timed runs as often as it takes to fill this: a clock and a scheduler need some room."""


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


@dataclass(frozen=True)
class Candidate:
    """Something to time.

    Attributes
    ----------
    name
        What it is called in the report.
    run
        Does it once.
    items
        What the time of one run is divided by: comparisons, probes, templates.
    """

    name: str
    run: Callable[[], object]
    items: float = 1.0


@dataclass(frozen=True)
class Series:
    """Seconds per item of one candidate, one value for each repeat."""

    seconds: tuple[float, ...]

    @property
    def spread(self) -> Spread:
        return Spread.of(self.seconds)

    def times_faster_than(self, other: Series) -> Spread:
        """Return how many times as long the other takes; each ratio is of one repeat."""
        return Spread.of(b / a for a, b in zip(self.seconds, other.seconds, strict=True))


def in_turn(candidates: Sequence[Candidate], repeats: int) -> list[Series]:
    """Time all candidates once in each repeat, one after the other.

    Every one runs once before, which also says how often it has to run to fill `LEAST_SECONDS`.
    """
    calls = [_calls(candidate) for candidate in candidates]
    seconds: list[list[float]] = [[] for _ in candidates]
    for _ in range(repeats):
        for candidate, count, taken in zip(candidates, calls, seconds, strict=True):
            taken.append(_seconds(candidate, count) / (count * candidate.items))
    return [Series(tuple(taken)) for taken in seconds]


def _calls(candidate: Candidate) -> int:
    first = _seconds(candidate, 1)
    if first >= 10 * LEAST_SECONDS:
        return 1
    # The first run also loads and allocates; the second shows how long it takes.
    return max(1, math.ceil(LEAST_SECONDS / max(_seconds(candidate, 1), 1e-9)))


def _seconds(candidate: Candidate, calls: int) -> float:
    started = time.perf_counter()
    for _ in range(calls):
        candidate.run()
    return time.perf_counter() - started

"""The goals for a desk with a warm model and 10,000 references, embedded, on two cores."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.desk.measurement import SearchRow, SearchTimes, spread_of
from benchmarks.shared.goals import Goal, GoalOutcome
from benchmarks.shared.timing import Spread

REFERENCES = 10_000

_BEYOND = Goal("a search beyond detection and embedding", 60.0, "at most", "ms")
_GROWTH = Goal("growth of memory over a row of searches", 16.0, "at most", "MB")


def check_times(references: int, times: Sequence[SearchTimes]) -> list[GoalOutcome]:
    """Hold searches to their goal; there is none for galleries of another size."""
    if references != REFERENCES:
        return []
    found = spread_of(times, lambda item: item.beyond_embedding)
    return [GoalOutcome(_BEYOND, found.times(1e3))]


def check_memory(runs: Sequence[SearchRow]) -> list[GoalOutcome]:
    """Hold each row of searches to its goal."""
    return [GoalOutcome(_GROWTH, Spread.of([run.growth / 1e6])) for run in runs]

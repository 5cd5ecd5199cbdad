"""The goals for a million references of 128 values on two cores, and their outcomes in one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.million.settings import MillionSettings
from benchmarks.shared.goals import Goal, GoalOutcome
from benchmarks.shared.timing import Spread

REFERENCES = 1_000_000
DIMENSION = 128


@dataclass(frozen=True)
class MillionGoals:
    """Most milliseconds of a search, and most gigabytes of a server, to be stayed below."""

    milliseconds: float
    gigabytes: float


GOALS = {"swift": MillionGoals(70.0, 1.7), "light": MillionGoals(45.0, 1.1)}


def check_goals(settings: MillionSettings, figures: Mapping[str, float]) -> list[GoalOutcome]:
    """Hold figures to the goals of their parameter set; there are none for other sizes."""
    goals = GOALS.get(settings.parameters)
    if goals is None or (settings.references, settings.dimension) != (REFERENCES, DIMENSION):
        return []
    name = settings.parameters
    search = Goal(f"{name}: a search, blocks in memory", goals.milliseconds, "at most", "ms")
    memory = Goal(f"{name}: `gallery serve`", goals.gigabytes, "at most", "GB")
    times = [figures[f"warm_seconds_per_probe_of_1_{end}"] for end in ("best", "median", "worst")]
    best, median, worst = (1e3 * seconds for seconds in times)
    return [
        GoalOutcome(search, Spread(median, best, worst)),
        GoalOutcome(memory, Spread.of([figures["http_server_megabytes"] / 1e3])),
    ]

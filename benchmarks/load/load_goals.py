"""The goals for 32 clients and 100,000 references on two cores, and their outcomes in one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.load.settings import LoadSettings
from benchmarks.shared.goals import Goal, GoalOutcome
from benchmarks.shared.timing import Spread

REFERENCES = 100_000
CLIENTS = 32
PARAMETERS = "swift"

FORMER_SEARCHES = 14.2
"""Searches a second with ``standard``, before `swift`; see ``docs/performance.md``."""

TIMES = 3.0
SEARCH_SECONDS = 1.0
WRITE_SECONDS = 5.0


def check_goals(settings: LoadSettings, report: Mapping[str, Any]) -> list[GoalOutcome]:
    """Hold a report to the goals; there are none for other settings."""
    stated = settings.references, settings.clients, settings.parameters
    return [] if stated != (REFERENCES, CLIENTS, PARAMETERS) else [*_outcomes(report)]


def _outcomes(report: Mapping[str, Any]) -> Iterator[GoalOutcome]:
    rate = report["searches_per_second"] / FORMER_SEARCHES
    what = f"searches a second, against {FORMER_SEARCHES} with `standard`"
    yield GoalOutcome(Goal(what, TIMES, "at least"), Spread.of([rate]))
    for kind, bound in (("search", SEARCH_SECONDS), ("enroll", WRITE_SECONDS)):
        latency = report["steady_seconds"][kind]
        if latency:
            goal = Goal(f"{kind}, 99% of them", bound, "at most", "s")
            yield GoalOutcome(goal, Spread.of([latency["p99"]]))

"""The goals of a search with one probe as a whole process, on two cores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.commands.command_run import CommandRun
from benchmarks.shared.goals import Goal, GoalOutcome
from benchmarks.shared.timing import Spread

REFERENCES, DIMENSION = 100_000, 128
"""The gallery that the goals are for."""

_SECONDS = 0.8
_GOALS = {
    "identify, embedded, next time": Goal("a search, embedded", _SECONDS, "at most", "s"),
    "identify, over a server, next time": Goal(
        "a search over a server, the next time", _SECONDS, "at most", "s"
    ),
}


def check_goals(
    references: int, dimension: int, runs: Mapping[str, Sequence[CommandRun]]
) -> list[GoalOutcome]:
    """Hold runs, by the names of commands, to the goals; there are none for other galleries."""
    if (references, dimension) != (REFERENCES, DIMENSION):
        return []
    return [
        GoalOutcome(goal, Spread.of(run.seconds for run in runs[name]))
        for name, goal in _GOALS.items()
    ]

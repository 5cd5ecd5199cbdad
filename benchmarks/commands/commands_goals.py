"""The goals of a search with one probe as a whole process, and what it took before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

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


def compared(runs: Mapping[str, Sequence[CommandRun]]) -> Iterator[str]:
    """Say how commands of a former state, if some ran, compare with those of this one."""
    for name, before in runs.items():
        what, _, state = name.rpartition(", ")
        now = runs.get(f"{what}, next time")
        if state != "before" or now is None:
            continue
        pairs = list(zip(before, now, strict=True))
        seconds, processor = (
            float(np.median([getattr(old, kind) / getattr(new, kind) for old, new in pairs]))
            for kind in ("seconds", "processor_seconds")
        )
        line = f"{what}: before, {seconds:.2f} times the seconds of the next time now"
        line += f", {processor:.2f} times the processor's"
        if now[-1].down:
            line += f", {before[-1].down / now[-1].down:.1f} times the bytes down"
        yield line

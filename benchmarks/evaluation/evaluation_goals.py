"""The goals for an evaluation of the size of LFW on two cores, and of ten times as many people."""

from __future__ import annotations

from benchmarks.evaluation.evaluation_run import EvaluationRun
from benchmarks.shared.goals import Goal, GoalOutcome
from benchmarks.shared.timing import Spread


def check_goals(times: float, run: EvaluationRun) -> list[GoalOutcome]:
    """Hold a run to its goals; there are none for sets of other sizes."""
    goals = {
        1.0: (
            Goal("evaluation of LFW's size", 180.0, "at most", "s"),
            Goal("its memory", 1.5, "at most", "GB"),
        ),
        10.0: (Goal("evaluation of ten times LFW's size", 1800.0, "at most", "s"),),
    }
    found = run.seconds, run.peak_bytes / 1e9
    return [
        GoalOutcome(goal, Spread.of([value]))
        for goal, value in zip(goals.get(times, ()), found, strict=False)
    ]

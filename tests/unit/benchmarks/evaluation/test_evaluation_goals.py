"""The goals of an evaluation: stated for two sizes."""

from __future__ import annotations

from benchmarks.evaluation.evaluation_goals import check_goals
from benchmarks.evaluation.evaluation_run import EvaluationRun


def run(seconds: float, peak: int = 700_000_000) -> EvaluationRun:
    return EvaluationRun(seconds, seconds, peak, {})


def test_time_and_memory_are_held_to_goals_for_lfws_size() -> None:
    time, memory = check_goals(1.0, run(90.0))
    assert time.met and memory.met
    assert "at most 180 s: met" in str(time)

    time, memory = check_goals(1.0, run(200.0, 1_600_000_000))
    assert not time.met and not memory.met


def test_ten_times_as_many_have_a_goal_of_their_own_and_others_none() -> None:
    (time,) = check_goals(10.0, run(1500.0))
    assert time.met
    assert check_goals(0.5, run(1.0)) == []

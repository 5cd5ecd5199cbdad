"""The outcome of a goal: met in every repeat, by the median, or missed."""

from __future__ import annotations

import pytest

from benchmarks.shared.goals import Goal, GoalOutcome
from benchmarks.shared.timing import Spread

FASTER = Goal("scan", 20, "at least")
SMALLER = Goal("probe", 7, "at most", "MB")


@pytest.mark.parametrize(
    ("goal", "found", "met", "in_every_repeat"),
    [
        (FASTER, Spread(25, 21, 30), True, True),
        (FASTER, Spread(25, 19, 30), True, False),
        (FASTER, Spread(19, 15, 30), False, False),
        (SMALLER, Spread(6, 5, 7), True, True),
        (SMALLER, Spread(6, 5, 8), True, False),
        (SMALLER, Spread(8, 5, 9), False, False),
    ],
)
def test_the_worst_repeat_and_the_median_are_judged(
    goal: Goal, found: Spread, met: bool, in_every_repeat: bool
) -> None:
    outcome = GoalOutcome(goal, found)
    assert (outcome.met, outcome.met_in_every_repeat) == (met, in_every_repeat)


def test_an_outcome_says_what_was_found_and_what_was_wanted() -> None:
    text = str(GoalOutcome(FASTER, Spread(1_234.5, 19.0, 2_000.0)))
    assert text == "scan: 1,234 (19 to 2,000); at least 20 times: met by the median"


def test_a_missed_goal_stands_out() -> None:
    assert str(GoalOutcome(SMALLER, Spread(8.0, 8.0, 8.0))).endswith("at most 7 MB: MISSED")

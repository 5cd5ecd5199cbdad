"""Times of calls in turn: spreads, and ratios within a repeat."""

from __future__ import annotations

import time
from functools import partial

import pytest

from benchmarks.shared.timing import LEAST_SECONDS, Series, Spread, TimedCall, time_in_turn


def test_a_spread_is_the_median_and_the_extremes() -> None:
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(median=2.0, least=1.0, most=3.0)


def test_a_ratio_is_taken_within_each_repeat() -> None:
    # The machine was three times slower during the second repeat, for both.
    quick, slow = Series((1.0, 3.0, 1.0)), Series((2.0, 6.0, 2.0))
    assert quick.times_faster_than(slow) == Spread(2.0, 2.0, 2.0)


def test_the_time_of_two_calls_is_summed_within_each_repeat() -> None:
    assert Series((1.0, 3.0)).plus(Series((2.0, 5.0))).seconds == (3.0, 8.0)


def test_a_spread_is_stated_in_another_unit() -> None:
    assert Spread(2.0, 1.0, 4.0).times(10.0) == Spread(20.0, 10.0, 40.0)


def test_series_of_different_runs_are_not_compared() -> None:
    with pytest.raises(ValueError, match="zip"):
        Series((1.0, 1.0)).times_faster_than(Series((1.0,)))


def test_every_repeat_runs_all_calls_one_after_the_other() -> None:
    ran: list[str] = []

    def slow(name: str) -> None:
        ran.append(name)
        time.sleep(LEAST_SECONDS / 3)

    calls = [TimedCall(name, partial(slow, name)) for name in "ab"]
    taken = time_in_turn(calls, 2)
    assert [len(series.seconds) for series in taken] == [2, 2]
    turns = [name for name, former in zip(ran, ["", *ran], strict=False) if name != former]
    # Once to see how long each takes, then twice in turn.
    assert turns == ["a", "b"] * 3


def test_times_are_for_each_item() -> None:
    work = partial(sum, range(20_000))
    [one, many] = time_in_turn([TimedCall("one", work), TimedCall("many", work, 1e6)], 1)
    assert many.spread.median < one.spread.median / 1_000

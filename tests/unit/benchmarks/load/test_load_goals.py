"""The goals for a load: stated for one set of clients, and for when the server was there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.load.load_goals import check_goals
from benchmarks.load.settings import LoadSettings

SETTINGS = LoadSettings(300.0, 32, 2, 100_000, 128, "swift", 4, "4GiB", True, 3.0)


def report(searches: float, search: float, enroll: float | None) -> dict[str, Any]:
    steady = {"search": {"p99": search}, "enroll": None if enroll is None else {"p99": enroll}}
    return {"searches_per_second": searches, "steady_seconds": steady}


def test_each_goal_is_met_or_missed_by_itself() -> None:
    outcomes = check_goals(SETTINGS, report(50.0, 1.2, 4.0))
    assert [outcome.met for outcome in outcomes] == [True, False, True]
    assert "search, 99% of them: 1.2 (1.2 to 1.2); at most 1 s: MISSED" in str(outcomes[1])


def test_where_nobody_enrolls_nothing_is_asked_of_writes() -> None:
    assert len(check_goals(SETTINGS, report(50.0, 0.9, None))) == 2


@pytest.mark.parametrize("other", [{"clients": 8}, {"references": 8_000}, {"parameters": "light"}])
def test_no_goal_is_stated_for_others(other: dict[str, Any]) -> None:
    assert not check_goals(replace(SETTINGS, **other), report(1.0, 9.0, 9.0))

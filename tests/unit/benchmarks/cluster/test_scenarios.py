"""Predictions for large galleries: sizes that follow from the format, and the page's tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cluster.costs import ClusterCosts
from benchmarks.cluster.paths import REPORT, SCALING_PAGE, SIZING
from benchmarks.cluster.plan import ClusterPlan
from benchmarks.cluster.scaling_page import BEGIN, END, render
from benchmarks.cluster.scenario_plot import plot_scenarios
from benchmarks.cluster.scenarios import FAULTS, SCENARIOS, SETS

MEASURED: dict[str, Any] = json.loads(REPORT.read_text(encoding="utf-8"))
ROWS: list[dict[str, Any]] = json.loads(SIZING.read_text(encoding="utf-8"))


def test_the_page_says_what_was_measured_and_simulated_last() -> None:
    page = SCALING_PAGE.read_text(encoding="utf-8")
    assert page.count(BEGIN) == page.count(END) == 1
    assert page.partition(BEGIN)[2].partition(END)[0].strip() == render(MEASURED, ROWS)


def test_the_plot_has_each_size_and_kind(tmp_path: Path) -> None:
    plot_scenarios(ROWS, tmp_path / "sizing.svg")
    drawn = (tmp_path / "sizing.svg").read_text(encoding="utf-8")
    for text in ("10,000,000 references", "100,000,000 references", "swift, p50", FAULTS[1].name):
        assert text in drawn


def test_ten_times_the_references_never_take_less() -> None:
    for parameters in SETS:
        own = [
            row
            for row in ROWS
            if (row["parameters"], row["faults"], row["load"]) == (parameters, FAULTS[0].name, 0.5)
        ]
        assert [row["references"] for row in own] == [10**6, 10**7, 10**8]
        assert own[0]["p50"] < own[1]["p50"] < own[2]["p50"]
        assert all(row["p50"] <= row["p99"] for row in own)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_workers_are_as_fast_as_their_memory(scenario: Any) -> None:
    costs = ClusterCosts.of(MEASURED["costs"][scenario.parameters])
    plan = scenario.plan(costs)
    block = costs.first_scan_seconds / plan.worker_speed
    assert plan.bytes.block / block == pytest.approx(200e9)


def test_losses_are_stated_for_searches_and_counted_for_each_worker() -> None:
    plan = ClusterPlan(10, 4, SCENARIOS[0].plan(_nothing()).bytes, arrivals=2.0)
    lost = FAULTS[2].of(plan)
    assert lost.losses_per_hour * lost.workers / 3600 == pytest.approx(0.01 * lost.arrivals)


def _nothing() -> ClusterCosts:
    return ClusterCosts(*[1e-6] * 9)

"""The simulation of a cluster, held to queueing theory and to a small cluster that was measured."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.cluster.costs import ClusterCosts, MessageBytes, block_count
from benchmarks.cluster.measurement import simulate_row
from benchmarks.cluster.paths import REPORT
from benchmarks.cluster.plan import ClusterPlan
from benchmarks.cluster.simulation import ClusterSimulation
from gallery.parameters import SWIFT

SERVICE = 0.1
NOTHING = ClusterCosts(*[0.0] * 9)
ONE_PASS = replace(NOTHING, pass_seconds=SERVICE)
SIZES = MessageBytes(block=1, probe=1, result=1, packed_result=1)

MEASURED: dict[str, Any] = json.loads(REPORT.read_text(encoding="utf-8"))


def one_server(load: float, probes: int = 1) -> ClusterPlan:
    """A cluster whose only work is one pass at a time, each as long as the other."""
    return ClusterPlan(1, 1, SIZES, arrivals=load / SERVICE, probes_per_pass=probes)


def waits_at_most(seconds: float, load: float) -> float:
    """Share of the customers of M/D/1 that wait no longer (Erlang, 1909)."""
    rate, whole = load / SERVICE, int(seconds / SERVICE)
    terms = (
        (-rate * (seconds - k * SERVICE)) ** k
        / math.factorial(k)
        * math.exp(rate * (seconds - k * SERVICE))
        for k in range(whole + 1)
    )
    return (1.0 - load) * sum(terms)


@pytest.mark.parametrize("load", [0.3, 0.7])
def test_searches_that_share_nothing_wait_as_in_the_queue_m_d_1(load: float) -> None:
    found = ClusterSimulation(one_server(load), ONE_PASS, seed=5).run(6_000, 500)

    waiting = np.array(found.waiting)
    assert waiting.mean() == pytest.approx(load * SERVICE / (2 * (1 - load)), rel=0.1)
    for seconds in (0.0, 0.05, 0.1, 0.2):
        share = (waiting <= seconds + 1e-9).mean()
        assert share == pytest.approx(waits_at_most(seconds, load), abs=0.025)
    assert np.array(found.seconds) - waiting == pytest.approx(SERVICE)


def test_a_server_that_has_too_much_to_do_shares_its_passes() -> None:
    crowded = replace(one_server(0.0, probes=16), arrivals=0.0, clients=16)
    found = ClusterSimulation(crowded, ONE_PASS).run(800, 100)

    assert found.rate == pytest.approx(16 / SERVICE, rel=0.02)
    assert found.probes_per_pass > 15


def test_a_search_takes_as_long_as_the_worker_with_most_blocks() -> None:
    alone = replace(one_server(0.01), blocks=400, workers=4)
    costs = replace(NOTHING, first_scan_seconds=0.001)
    simulation = ClusterSimulation(alone, costs)
    largest = max(simulation.shares)
    found = simulation.run(50)

    assert sum(simulation.shares) == 400
    assert 100 < largest < 140, "rendezvous hashing divides nearly equally"
    assert found.percentile(50) == pytest.approx(largest * 0.001)


def test_results_come_no_faster_than_the_network_takes_them() -> None:
    plan = replace(one_server(0.001), blocks=100, workers=4, bytes=replace(SIZES, result=1_000))
    found = ClusterSimulation(replace(plan, worker_network=1e5), NOTHING).run(20)

    # A probe, twice, and all results through one door.
    assert found.percentile(50) == pytest.approx(1.0, rel=0.01)


@pytest.mark.parametrize(
    ("faults", "longest"),
    [
        ({"straggler_share": 0.05, "straggler_times": 4.0}, lambda usual: 4.5 * usual),
        ({"losses_per_hour": 20.0, "notice_seconds": 0.5}, lambda usual: usual + 3.0),
    ],
)
def test_faults_make_some_searches_slow_and_lose_none(
    faults: dict[str, Any], longest: Callable[[float], float]
) -> None:
    plan = replace(
        ClusterPlan(400, 8, replace(SIZES, block=1_000_000)), arrivals=2.0, read_rate=200e6
    )
    costs = replace(NOTHING, first_scan_seconds=0.001, pass_seconds=0.01)
    well = ClusterSimulation(plan, costs).run(500)
    found = ClusterSimulation(replace(plan, **faults), costs).run(500)

    assert len(found.seconds) == 500
    assert found.percentile(50) < 1.5 * well.percentile(50)
    assert 1.5 * well.percentile(99) < found.percentile(99) < longest(well.percentile(99))
    assert (found.losses > 0) is ("losses_per_hour" in faults)


def test_the_same_seed_gives_the_same_times() -> None:
    plan = replace(one_server(0.5), straggler_share=0.1, straggler_times=2.0)
    first, second, other = (
        ClusterSimulation(plan, ONE_PASS, seed).run(50).seconds for seed in (1, 1, 2)
    )
    assert first == second != other


def test_it_foretells_the_small_cluster_that_was_measured() -> None:
    rows = MEASURED["searches"]
    found = [simulate_row(MEASURED, row) for row in rows]
    times = [row["measured"]["p50"] / one["p50"] for row, one in zip(rows, found, strict=True)]
    rates = [one["rate"] / row["measured"]["rate"] for row, one in zip(rows, found, strict=True)]

    # Costs are times of processors. Where other programs had these as well, everything took as many
    # times as long.
    slower = float(np.median(times))
    idle = MEASURED["load_average"][0] < 0.5
    assert 1 / 1.6 < slower < (1.6 if idle else 10.0)
    assert times == pytest.approx([slower] * len(rows), rel=0.5)
    assert rates == pytest.approx([slower] * len(rows), rel=0.5)


def test_sizes_are_those_of_the_format() -> None:
    sizes = MessageBytes.of(SWIFT, 128)
    assert block_count(100_000_000, SWIFT) == 24_426
    assert sizes.block == 2 * 4 * 4096 * 128
    assert (sizes.result, sizes.packed_result) == (32_768, 27_648)

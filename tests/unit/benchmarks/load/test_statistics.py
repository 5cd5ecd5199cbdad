"""Statistics of a load: percentiles, memory that grows and that does not, time to recover."""

from __future__ import annotations

import pytest

from benchmarks.load.records import Fault, SearchRecord
from benchmarks.load.statistics import (
    MIB,
    LatencySummary,
    MemoryTrend,
    Outage,
    faults,
    throughput,
)

LOST = Fault("ServerError", "no answer", clear=True)


def search(ended: float, fault: Fault | None = None) -> SearchRecord:
    return SearchRecord(ended - 1.0, ended, ended, 0.1, 0.5, fault)


def memory(mib_a_minute: float, *, minutes: int = 5) -> list[tuple[float, int]]:
    """Samples of each second: a warm-up to 1,000 MiB, then steady growth."""
    warm = 12 * minutes
    return [
        (float(t), int(MIB * (1_000 * min(1.0, t / warm) + mib_a_minute * max(0, t - warm) / 60)))
        for t in range(60 * minutes)
    ]


def test_percentiles_are_of_the_seconds_given() -> None:
    latency = LatencySummary.of([0.01 * n for n in range(101)])
    assert latency is not None
    assert (latency.count, latency.p50, latency.p99, latency.most) == pytest.approx(
        (101, 0.5, 0.99, 1.0)
    )


def test_growth_during_the_warm_up_does_not_count() -> None:
    trend = MemoryTrend.of(memory(0.0))
    assert trend is not None
    assert trend.slope == pytest.approx(0.0, abs=0.1)
    assert trend.flat is True


def test_steady_growth_is_not_flat() -> None:
    trend = MemoryTrend.of(memory(30.0))
    assert trend is not None
    assert trend.slope == pytest.approx(30.0, rel=0.01)
    assert trend.flat is False


def test_a_short_look_tells_nothing_about_memory() -> None:
    trend = MemoryTrend.of(memory(0.0)[:20])
    assert trend is not None
    assert trend.flat is None


def test_what_failed_or_came_too_late_is_no_throughput() -> None:
    records = [search(1.0), search(2.0), search(2.5, LOST), search(11.0)]
    assert throughput(records, 0.0, 10.0) == pytest.approx(0.2)


def test_equal_faults_are_counted_together() -> None:
    (found,) = faults([search(1.0), search(2.0, LOST), search(3.0, LOST)])
    assert found == {"kind": "ServerError", "text": "no answer", "clear": True, "count": 2}


def test_recovery_ends_with_the_first_good_answer_of_the_new_server() -> None:
    outage = Outage(killed=10.0, restarted=13.0, ready_seconds=1.0)
    records = [search(9.5), search(14.0, LOST), search(16.5), search(15.5)]
    assert outage.first_search_seconds(records) == pytest.approx(2.5)
    assert outage.first_search_seconds(records[:2]) is None

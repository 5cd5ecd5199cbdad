"""Statistics of a load: percentiles, memory that grows and that does not, time to recover."""

from __future__ import annotations

import pytest

from benchmarks.load.records import Fault, SearchRecord
from benchmarks.load.statistics import (
    MIB,
    SLICES,
    LatencySummary,
    MemoryTrend,
    Outage,
    faults,
    percentiles,
    throughput,
    time_slices,
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


def test_a_run_is_told_in_equal_stretches() -> None:
    searches = [search(0.5), search(1.5), search(1.6), search(1.7, LOST), search(9.0)]
    parts = time_slices(searches, [], 0.0, 3.0)
    assert [part.seconds for part in parts] == pytest.approx([1.0, 2.0, 3.0])
    assert [part.searches_per_second for part in parts] == pytest.approx([1.0, 2.0, 0.0])
    assert parts[0].p99 == pytest.approx(1.0)
    assert parts[2].p99 is None
    assert len(time_slices(searches, [], 0.0, 600.0)) == SLICES


def test_percentiles_go_from_the_least_to_the_most() -> None:
    records = [SearchRecord(0.0, 0.0, seconds, 0.0, 0.0, None) for seconds in (0.1, 0.2, 0.9)]
    found = percentiles(records)
    assert (len(found), found[0], found[50], found[100]) == pytest.approx((101, 0.1, 0.2, 0.9))
    assert percentiles([search(1.0, LOST)]) == []


def test_an_outage_spares_what_was_not_under_way_meanwhile() -> None:
    outage = Outage(killed=10.0, restarted=13.0, ready_seconds=1.0)
    spared = [outage.spares(search(ended)) for ended in (9.9, 10.5, 14.5, 15.5)]
    assert spared == [True, False, False, True]

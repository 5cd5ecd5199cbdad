"""The statistics of a load: rates, percentiles, the trend of memory, faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.load.records import EnrollmentRecord, Fault, SearchRecord

MIB = 2.0**20

SLICES = 60
"""Most stretches that a run is divided into."""

WARM_UP = 0.2
"""Share of the samples that does not count for memory: caches and pools fill."""

FLAT_GROWTH = 0.05
"""Largest growth over the rest of a run, as a share of memory, that counts as flat."""

FLAT_SECONDS = 60.0
"""Shorter stretches say nothing about memory."""


@dataclass(frozen=True)
class LatencySummary:
    """Seconds of the requests of one kind."""

    count: int
    p50: float
    p95: float
    p99: float
    most: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> LatencySummary | None:
        """Summarise; None if there is nothing."""
        if not len(seconds):
            return None
        return cls(len(seconds), *np.percentile(seconds, [50, 95, 99, 100]).tolist())


@dataclass(frozen=True)
class TimeSlice:
    """A stretch of a run: its end in seconds, its rates, and its searches' percentiles."""

    seconds: float
    searches_per_second: float
    writes_per_second: float
    p50: float | None
    p99: float | None


@dataclass(frozen=True)
class MemoryTrend:
    """Resident memory of a process after its warm-up, in MiB, and its growth a minute."""

    first: float
    last: float
    most: float
    slope: float
    seconds: float

    @classmethod
    def of(cls, samples: Sequence[tuple[float, int]]) -> MemoryTrend | None:
        """Fit a line to samples of moment and bytes; None if there are fewer than three."""
        counted = samples[int(len(samples) * WARM_UP) :]
        if len(counted) < 3:
            return None
        moments, sizes = (np.array(values) for values in zip(*counted, strict=True))
        sizes, moments = sizes / MIB, moments - moments[0]
        slope = np.polyfit(moments / 60, sizes, 1)[0]
        return cls(
            *(float(value) for value in (sizes[0], sizes[-1], sizes.max(), slope, moments[-1]))
        )

    @property
    def flat(self) -> bool | None:
        """Whether memory does not grow; None if it was not watched for long enough."""
        if self.seconds < FLAT_SECONDS * (1 - WARM_UP):
            return None
        return self.slope * self.seconds / 60 <= FLAT_GROWTH * self.first


@dataclass(frozen=True)
class Outage:
    """The moments when the server was killed and restarted, and the seconds until it was ready."""

    killed: float
    restarted: float
    ready_seconds: float

    def spares(self, record: SearchRecord | EnrollmentRecord) -> bool:
        """Tell whether a request was not under way while the server was not there."""
        return record.ended < self.killed or record.began > self.restarted + self.ready_seconds

    def first_search_seconds(self, searches: Sequence[SearchRecord]) -> float | None:
        """Return the time from the new start to the first answer; None if there was none."""
        answers = [one.answered for one in searches if one.fault is None]
        return min(
            (moment - self.restarted for moment in answers if moment > self.restarted), default=None
        )


def latencies(
    searches: Sequence[SearchRecord], enrollments: Sequence[EnrollmentRecord]
) -> dict[str, Any]:
    """Summarise the requests that succeeded: searches, their parts, and writes."""
    good = [search for search in searches if search.fault is None]
    return {
        "search": LatencySummary.of([one.ended - one.began for one in good]),
        "search: encrypting": LatencySummary.of([one.encrypting for one in good]),
        "search: waiting for the server": LatencySummary.of([one.waiting for one in good]),
        "search: decrypting": LatencySummary.of([one.ended - one.answered for one in good]),
        "enroll": LatencySummary.of(
            [one.ended - one.began for one in enrollments if one.fault is None]
        ),
    }


def time_slices(
    searches: Sequence[SearchRecord],
    enrollments: Sequence[EnrollmentRecord],
    began: float,
    until: float,
) -> list[TimeSlice]:
    """Divide a run into equal stretches, by the ends of the requests that succeeded."""
    count = max(1, min(SLICES, int(until - began)))
    edges = np.linspace(began, until, count + 1)
    ends = np.array([one.ended for one in searches if one.fault is None])
    taken = np.array([one.ended - one.began for one in searches if one.fault is None])
    writes = np.array([one.ended for one in enrollments if one.fault is None])
    found, width = [], (until - began) / count
    for first, last in pairwise(edges):
        here = taken[(ends > first) & (ends <= last)]
        middle, high = np.percentile(here, [50, 99]).tolist() if len(here) else (None, None)
        written = int(((writes > first) & (writes <= last)).sum())
        slices = TimeSlice(float(last - began), len(here) / width, written / width, middle, high)
        found.append(slices)
    return found


def percentiles(records: Sequence[SearchRecord | EnrollmentRecord]) -> list[float]:
    """Return the seconds of the requests that succeeded, at 0%, 1%, ... and 100% of them."""
    taken = [one.ended - one.began for one in records if one.fault is None]
    found: list[float] = np.percentile(taken, range(101)).tolist() if taken else []
    return found


def faults(records: Sequence[SearchRecord | EnrollmentRecord]) -> list[dict[str, Any]]:
    """Count faults by kind and text."""
    counts: Counter[Fault] = Counter(record.fault for record in records if record.fault)
    return [{**fault._asdict(), "count": count} for fault, count in counts.most_common()]


def throughput(
    records: Sequence[SearchRecord | EnrollmentRecord], began: float, until: float
) -> float:
    """Return the requests that succeeded, for each second between two moments."""
    done = sum(record.fault is None and record.ended <= until for record in records)
    return done / (until - began)


def server_work(
    before: Mapping[str, float], after: Mapping[str, float], seconds: float
) -> dict[str, float]:
    """Return what the server did between two readings of its figures."""

    def grown(name: str) -> float:
        return after[name] - before[name]

    def ratio(part: float, whole: float) -> float:
        return part / whole if whole else 0.0

    hits, misses = (grown(f"gallery_block_cache_{kind}_total") for kind in ("hits", "misses"))
    return {
        "templates_per_second": grown("gallery_templates_scanned_total") / seconds,
        "passes": grown("gallery_search_passes_total"),
        "probes_per_pass": ratio(
            grown("gallery_probes_total"), grown("gallery_search_passes_total")
        ),
        "cache_hits": hits,
        "cache_misses": misses,
        "cache_hit_rate": ratio(hits, hits + misses),
        "cache_mib": after["gallery_block_cache_bytes"] / MIB,
        "search_mean_seconds": ratio(
            grown("gallery_search_seconds_sum"), grown("gallery_search_seconds_count")
        ),
    }

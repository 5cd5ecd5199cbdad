"""The report of a load: everything measured, the verdict, and a table for a reader."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.clients import Enrolling, Search
from benchmarks.crew import Work
from benchmarks.inspection import Inspection
from benchmarks.load_figures import MIB, Outage, Trend, faults, latencies, throughput
from benchmarks.machine import describe
from gallery.evaluator.native import usable_cores

SAMPLES_APART = 10
"""Seconds between the samples of memory that the report names."""


@dataclass(frozen=True)
class Plan:
    """What to measure; the options of the command."""

    seconds: float
    clients: int
    enrollers: int
    references: int
    dimension: int
    parameters: str
    processes: int
    cache_size: str
    kill: bool
    down: float


@dataclass(frozen=True, eq=False)
class Course:
    """What happened between two moments, and what was seen of the server meanwhile.

    Attributes
    ----------
    began, until
        The two moments.
    works
        What each process of clients did.
    samples
        Moments and the server's resident memory in bytes.
    server
        What it says of its own work, since its last start.
    outage
        Its interruption, if there was one.
    machine_seconds
        Processor time of all programs of the machine, those that have no part in this too.
    """

    began: float
    until: float
    works: list[Work]
    samples: list[tuple[float, int]]
    server: dict[str, float]
    outage: Outage | None
    machine_seconds: float

    @property
    def searches(self) -> list[Search]:
        return list(chain.from_iterable(work.searches for work in self.works))

    @property
    def enrollings(self) -> list[Enrolling]:
        return list(chain.from_iterable(work.enrollings for work in self.works))


def assemble(plan: Plan, database: str, course: Course, inspection: Inspection) -> dict[str, Any]:
    """Put the report together."""
    searches, enrollings = course.searches, course.enrollings
    outage = course.outage
    trend = None if outage else Trend.of(course.samples)
    report: dict[str, Any] = {
        "machine": describe(),
        "database": (database or "sqlite").partition(":")[0],
        "plan": asdict(plan),
        "searches_per_second": throughput(searches, course.began, course.until),
        "writes_per_second": throughput(enrollings, course.began, course.until),
        "seconds": {
            name: latency and asdict(latency)
            for name, latency in latencies(searches, enrollings).items()
        },
        "server": course.server,
        "clients": {
            "processor_seconds": sum(work.processor_seconds for work in course.works),
            "resident_mib": [round(work.resident / MIB) for work in course.works],
        },
        "machine_processor_seconds": course.machine_seconds,
        "memory": trend and asdict(trend) | {"flat": trend.flat},
        "resident_mib": [round(size / MIB) for _, size in course.samples[::SAMPLES_APART]],
        "outage": outage
        and {
            "ready_seconds": outage.ready_seconds,
            "first_search_seconds": outage.first_search_seconds(searches),
        },
        "faults": faults([*searches, *enrollings]),
        "inspection": asdict(inspection),
    }
    report["verdicts"] = _verdicts(report, inspection)
    return report


def _verdicts(report: dict[str, Any], inspection: Inspection) -> dict[str, bool | None]:
    """Answer what the load was run to find out; None where this run cannot tell."""
    found, outage = report["faults"], report["outage"]
    return {
        "no wrong answer": not any(fault["kind"] == "wrong answer" for fault in found),
        "no error": not found if outage is None else None,
        "clear errors only": all(fault["clear"] for fault in found) if outage else None,
        "nothing lost": inspection.sound,
        "memory flat": report["memory"] and report["memory"]["flat"],
        "searches resumed": outage["first_search_seconds"] is not None if outage else None,
    }


def show(console: Console, report: dict[str, Any]) -> None:
    """Print the report for a reader."""
    for title in ("machine", "plan", "server", "clients", "memory", "outage", "inspection"):
        if report[title]:
            console.print(
                f"{title}: " + ", ".join(f"{k} {_text(v)}" for k, v in report[title].items())
            )
    table = Table("seconds of", "count", "p50", "p95", "p99", "most")
    for name, latency in report["seconds"].items():
        if latency:
            table.add_row(name, *(_text(value) for value in latency.values()))
    console.print(table)
    rates = report["searches_per_second"], report["writes_per_second"]
    console.print("a second: {:.2f} searches and {:.2f} writes".format(*rates))
    busy, there = report["machine_processor_seconds"], report["plan"]["seconds"] * usable_cores()
    console.print(f"all programs of the machine used {busy:,.0f} of {there:,.0f} processor seconds")
    for fault in report["faults"]:
        console.print(f"{fault['count']} × {fault['kind']}: {fault['text']}", markup=False)
    for question, answer in report["verdicts"].items():
        console.print(f"{question}: " + {True: "yes", False: "NO", None: "not measured"}[answer])


def _text(value: object) -> str:
    return f"{value:,.3f}" if isinstance(value, float) else f"{value}"

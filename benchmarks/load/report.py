"""The report of a load: all its figures, the verdicts, and a table for a reader."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from time import monotonic, time
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.load.consistency_check import ConsistencyReport
from benchmarks.load.load_goals import check_goals
from benchmarks.load.load_run import LoadRun
from benchmarks.load.settings import LoadSettings
from benchmarks.load.statistics import (
    MIB,
    MemoryTrend,
    faults,
    latencies,
    percentiles,
    throughput,
    time_slices,
)
from benchmarks.shared.machine import describe_machine
from gallery.evaluator.native import usable_cores

SAMPLES_APART = 5
"""Seconds between the samples of memory that the report names."""

_STEADY = "search", "enroll"


def assemble(
    settings: LoadSettings, database: str, run: LoadRun, consistency: ConsistencyReport
) -> dict[str, Any]:
    """Put the report together."""
    searches, enrollments = run.searches, run.enrollments
    outage = run.outage
    steady_searches = [one for one in searches if outage is None or outage.spares(one)]
    steady_enrollments = [one for one in enrollments if outage is None or outage.spares(one)]
    trend = MemoryTrend.of(run.settled_samples)
    report: dict[str, Any] = {
        "started": datetime.fromtimestamp(time() - monotonic() + run.began, UTC).isoformat(
            " ", "minutes"
        ),
        "machine": describe_machine(),
        "database": (database or "sqlite").partition(":")[0],
        "plan": asdict(settings),
        "searches_per_second": throughput(searches, run.began, run.until),
        "writes_per_second": throughput(enrollments, run.began, run.until),
        "seconds": _plain(latencies(searches, enrollments)),
        "steady_seconds": _plain(latencies(steady_searches, steady_enrollments)),
        "percentiles": {
            "search": percentiles(steady_searches),
            "enroll": percentiles(steady_enrollments),
        },
        "timeline": [
            asdict(part) for part in time_slices(searches, enrollments, run.began, run.until)
        ],
        "server": run.server,
        "clients": {
            "processor_seconds": sum(process.processor_seconds for process in run.processes),
            "resident_mib": [round(process.resident / MIB) for process in run.processes],
        },
        "machine_processor_seconds": run.machine_seconds,
        "memory": trend and asdict(trend) | {"flat": trend.flat},
        "resident_mib": [
            (round(moment - run.began, 1), round(size / MIB))
            for moment, size in run.samples[::SAMPLES_APART]
        ],
        "outage": outage
        and {
            "killed": outage.killed - run.began,
            "restarted": outage.restarted - run.began,
            "ready_seconds": outage.ready_seconds,
            "first_search_seconds": outage.first_search_seconds(searches),
        },
        "faults": faults([*searches, *enrollments]),
        "inspection": asdict(consistency),
    }
    report["verdicts"] = _verdicts(report, consistency)
    report["goals"] = [one.as_dict() | {"text": str(one)} for one in check_goals(settings, report)]
    return report


def _plain(found: dict[str, Any]) -> dict[str, Any]:
    return {name: latency and asdict(latency) for name, latency in found.items()}


def _verdicts(report: dict[str, Any], consistency: ConsistencyReport) -> dict[str, bool | None]:
    """Answer what the load was run to find out; None where this run cannot tell."""
    found, outage = report["faults"], report["outage"]
    return {
        "no wrong answer": not any(fault["kind"] == "wrong answer" for fault in found),
        "no error": not found if outage is None else None,
        "clear errors only": all(fault["clear"] for fault in found) if outage else None,
        "nothing lost": consistency.sound,
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
    shown = dict(report["seconds"])
    if report["outage"]:
        steady = report["steady_seconds"]
        shown |= {f"{kind}: while the server was there": steady[kind] for kind in _STEADY}
    for name, latency in shown.items():
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
    for goal in report["goals"]:
        console.print(goal["text"], markup=False)


def _text(value: object) -> str:
    return f"{value:,.3f}" if isinstance(value, float) else f"{value}"

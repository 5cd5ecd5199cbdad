"""The program ``python -m benchmarks.compare``: the gallery against other schemes, on one machine.

The others are TenSEAL, SEAL, the notebook's loop and FAISS. All are checked before they are timed.
Each repeat measures all of them one after the other, and ratios are taken within a repeat, so that
a machine that is busy for a while slows both sides.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from benchmarks.compare.latency_plot import plot_latency
from benchmarks.compare.measurement import FULL, QUICK, measure
from benchmarks.compare.memory_bandwidth import memory_bandwidth
from benchmarks.compare.performance_page import write_tables
from benchmarks.compare.published import PUBLISHED
from benchmarks.compare.report import as_plain, assemble, headline
from benchmarks.shared.machine import describe_machine

CHECKOUT = Path(__file__).parents[2]
RESULTS = CHECKOUT / "benchmarks" / "results"
PERFORMANCE_PAGE = CHECKOUT / "docs" / "performance.md"


@click.command()
@click.option("--quick", is_flag=True, help="d = 128 only, few repeats; writes no files.")
@click.option("--repeats", type=click.IntRange(min=2), help="Times that everything is measured.")
def main(quick: bool, repeats: int | None) -> None:
    """Measure, print what was found, and end with one line of JSON."""
    settings = QUICK if quick else FULL
    settings = replace(settings, repeats=repeats or settings.repeats)
    started = time.perf_counter()
    report: dict[str, Any] = {
        "started": datetime.now(UTC).isoformat(" ", "minutes"),
        "machine": describe_machine(),
        "load_average": [round(value, 2) for value in os.getloadavg()],
        "repeats": settings.repeats,
        "gigabytes_per_second": as_plain(memory_bandwidth(settings.repeats)),
    }
    for name, value in report.items():
        click.echo(f"{name}: {value}")
    results = measure(settings, click.echo)
    report |= assemble(results) | {"headline": headline(results)}
    report["published"] = as_plain(PUBLISHED)
    report["seconds"] = round(time.perf_counter() - started)
    for outcome in report["verdicts"]:
        click.echo(outcome["text"])
    for one in PUBLISHED:
        click.echo(str(one))
    if not quick:
        _write(report)
    click.echo(json.dumps(report["headline"] | {"seconds": report["seconds"]}))


def _write(report: dict[str, Any]) -> None:
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    (RESULTS / "compare.json").write_text(text, encoding="utf-8")
    plot_latency(report, RESULTS / "latency.svg")
    write_tables(PERFORMANCE_PAGE, report)


if __name__ == "__main__":
    main()

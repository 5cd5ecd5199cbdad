"""The gallery against TenSEAL, SEAL, the notebook's loop and FAISS, in one run on one machine.

Run as ``python -m benchmarks.compare``. Everything is checked before it is timed. Each repeat
measures all of them one after the other, and ratios are taken within a repeat, so that a machine
that is busy for a while slows both sides.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from benchmarks.contest import Contest
from benchmarks.document import put_into
from benchmarks.figures import plot_latency
from benchmarks.growth import Axes, Growth, Point
from benchmarks.machine import describe, load_average, memory_bandwidth
from benchmarks.report import Results, as_plain, assemble, headline
from benchmarks.resident import peak_memory
from benchmarks.whole import whole
from gallery.parameters import PARAMETER_SETS, STANDARD

HOME = Path(__file__).parent
RESULTS = HOME / "results"
DOCUMENT = HOME.parent / "docs" / "performance.md"

REFERENCES = 100_000
"""The gallery that goals are stated for; with d = 128."""


@dataclass(frozen=True)
class Plan:
    """How much to measure.

    Attributes
    ----------
    dimensions
        Values of an embedding; 128 is among them.
    repeats
        Times that everything is measured.
    faces
        References of the notebook's loop.
    axes
        Sizes of the scan alone, or None to leave that out.
    probes
        Probes of the search from embeddings to candidates.
    memory
        References that peak memory is measured with.
    """

    dimensions: tuple[int, ...]
    repeats: int
    faces: int
    axes: Axes | None
    probes: int
    memory: tuple[int, ...]


FULL = Plan(
    dimensions=(128, 512),
    repeats=9,
    faces=16,
    axes=Axes((1_000, 10_000, 100_000, 1_000_000), (1, 16, 256), 3),
    probes=1_000,
    memory=(1_000, 10_000, 100_000),
)
QUICK = Plan((128,), 5, 4, None, 256, (REFERENCES,))


def measure(plan: Plan, say: Callable[[str], None]) -> Results:
    """Measure everything in a plan."""
    contests, measured = {}, {}
    for dimension in plan.dimensions:
        say(f"d = {dimension}: schemes")
        contest = Contest.of(dimension, REFERENCES, plan.faces, plan.repeats)
        contests[dimension] = contest
        measured[dimension] = contest.measure(dimension, plan.repeats)
    points, skipped = _growth(plan.axes, contests, say) if plan.axes else ([], [])
    say(f"{plan.probes:,} probes against {REFERENCES:,} references, and one call a probe")
    ended = whole(STANDARD, 128, REFERENCES, plan.probes, min(plan.repeats, 3))
    say("peak memory")
    memory = _memory(plan, contests[128])
    return Results(measured, contests, points, skipped, ended, memory)


def _growth(
    axes: Axes, contests: dict[int, Contest], say: Callable[[str], None]
) -> tuple[list[Point], list[str]]:
    points: list[Point] = []
    skipped: list[str] = []
    for dimension, contest in contests.items():
        for name, parameters in PARAMETER_SETS.items():
            say(f"d = {dimension}: scans, {name}")
            growth = Growth(parameters, dimension, contest.rivals[f"TenSEAL, {name}"].make())
            points += growth.points(axes)
            skipped += growth.skipped
    return points, skipped


def _memory(plan: Plan, contest: Contest) -> dict[str, dict[int, int]]:
    """Measure this project for all sizes, and the others with what they were measured on."""
    found: dict[str, dict[int, int]] = {}
    for role, rival in contest.rivals.items():
        if role in PARAMETER_SETS:
            found[role] = {n: peak_memory(rival.make, n, 128) for n in plan.memory}
        elif plan.axes:
            found[role] = {rival.references: peak_memory(rival.make, rival.references, 128)}
    return found


@click.command()
@click.option("--quick", is_flag=True, help="d = 128 only, few repeats; writes no files.")
@click.option("--repeats", type=click.IntRange(min=2), help="Times that everything is measured.")
def main(quick: bool, repeats: int | None) -> None:
    """Measure, print what was found, and end with one line of JSON."""
    plan = QUICK if quick else FULL
    plan = replace(plan, repeats=repeats or plan.repeats)
    started = time.perf_counter()
    report: dict[str, Any] = {
        "started": datetime.now(UTC).isoformat(" ", "minutes"),
        "machine": describe(),
        "load_average": load_average(),
        "repeats": plan.repeats,
        "gigabytes_per_second": as_plain(memory_bandwidth(plan.repeats)),
    }
    for name, value in report.items():
        click.echo(f"{name}: {value}")
    results = measure(plan, click.echo)
    report |= assemble(results) | {"headline": headline(results)}
    report["seconds"] = round(time.perf_counter() - started)
    for verdict in report["verdicts"]:
        click.echo(verdict["text"])
    if not quick:
        _write(report)
    click.echo(json.dumps(report["headline"] | {"seconds": report["seconds"]}))


def _write(report: dict[str, Any]) -> None:
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    (RESULTS / "compare.json").write_text(text, encoding="utf-8")
    plot_latency(report, RESULTS / "latency.svg")
    put_into(DOCUMENT, report)


if __name__ == "__main__":
    main()

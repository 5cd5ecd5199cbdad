"""Time of a search per template: this project's kernel, SEAL's evaluator, the notebook's loop.

Run as ``python -m benchmarks.compare``. Each repeat measures all of them one after the other, and
ratios are taken within a repeat, so that a machine that is busy for a while slows both sides.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe
from benchmarks.owner import Floats, Owner, Residues, random_residues, unit_vectors
from benchmarks.rivals import notebook_loop, plain_search, seal_search
from gallery.evaluator.kernel import KernelEvaluator, usable_cores
from gallery.parameters import PARAMETER_SETS, ParameterSet

GOALS = {"SEAL's evaluator": 20, "the notebook's loop": 10_000}
"""How many times faster per template one thread of the kernel is meant to be."""

PROBES = 4


@dataclass(frozen=True)
class Candidate:
    """Something to time, and how many comparisons one run of it makes."""

    name: str
    run: Callable[[], object]
    comparisons: int


@dataclass(frozen=True)
class Spread:
    """Median and extremes over the repeats."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True)
class Row:
    """One candidate's time, and how many times as long as one thread of the kernel it takes."""

    parameters: str
    dimension: int
    candidate: str
    nanoseconds_per_template: Spread
    ratio_to_kernel: Spread


def kernel_candidates(
    blocks: list[Residues], probes: list[Residues], parameters: ParameterSet
) -> list[Candidate]:
    """One thread, all cores, and several probes at once; the first is what others compare with."""
    count = len(blocks) * parameters.poly_modulus_degree

    def scan(threads: int, some: list[Residues]) -> Callable[[], None]:
        evaluator = KernelEvaluator(threads)

        def run() -> None:
            for block in blocks:
                evaluator.distances_many(block, some, parameters)

        return run

    cores = usable_cores()
    made = [Candidate("kernel, 1 thread", scan(1, probes[:1]), count)]
    if cores > 1:
        made.append(Candidate(f"kernel, {cores} threads", scan(cores, probes[:1]), count))
    name = f"kernel, 1 thread, {len(probes)} probes"
    return [*made, Candidate(name, scan(1, probes), count * len(probes))]


def checked_block(
    owner: Owner, templates: Floats, vectors: Floats
) -> tuple[Residues, list[Residues]]:
    """Encrypt a block and probes, and make sure that what will be timed is a correct search."""
    parameters = owner.parameters
    columns = owner.encrypt_templates(templates)
    probes = [owner.encrypt_probe(vector) for vector in vectors]
    found = KernelEvaluator().distances_many(columns, probes, parameters)
    for vector, distances in zip(vectors, found, strict=True):
        error = np.abs(owner.decrypt(distances) - ((templates - vector) ** 2).sum(axis=1)).max()
        if error > parameters.max_distance_error(templates.shape[1]):
            raise click.ClickException(f"distances are wrong by {error}: nothing to time")
    return columns, probes


def measure(candidates: list[Candidate], repeats: int) -> list[list[float]]:
    """Time the candidates in turn; nanoseconds per comparison of each, one value per repeat."""
    for candidate in candidates:
        candidate.run()
    times: list[list[float]] = [[] for _ in candidates]
    for _ in range(repeats):
        for candidate, taken in zip(candidates, times, strict=True):
            start = time.perf_counter_ns()
            candidate.run()
            taken.append((time.perf_counter_ns() - start) / candidate.comparisons)
    return times


def compare(parameters: ParameterSet, dimension: int, sizes: dict[str, int]) -> list[Row]:
    """Measure everything for one parameter set and dimension."""
    random = np.random.default_rng(1)
    positions = parameters.poly_modulus_degree
    templates = unit_vectors(random, positions, dimension)
    vectors = unit_vectors(random, PROBES, dimension)
    owner = Owner(parameters)
    columns, probes = checked_block(owner, templates, vectors)
    owner.close()
    others = [random_residues(random, dimension, parameters) for _ in range(sizes["blocks"] - 1)]
    candidates = kernel_candidates([columns, *others], probes, parameters)
    search = seal_search(columns, probes[0], parameters)
    candidates.append(Candidate("SEAL's evaluator", search, positions))
    faces = sizes["faces"]
    loop = notebook_loop(templates[:faces], vectors[0])
    candidates.append(Candidate("the notebook's loop", loop, faces))
    crowd = np.tile(templates, (sizes["blocks"], 1))
    if plain := plain_search(crowd, vectors[0]):
        candidates.append(Candidate("FAISS in clear, 1 thread", plain, len(crowd)))
    times = measure(candidates, sizes["repeats"])
    return [
        Row(
            parameters.name,
            dimension,
            candidate.name,
            Spread.of(taken),
            Spread.of([t / k for t, k in zip(taken, times[0], strict=True)]),
        )
        for candidate, taken in zip(candidates, times, strict=True)
    ]


def verdicts(rows: list[Row]) -> list[dict[str, Any]]:
    """State for each goal whether it is met, by the median and in every single repeat."""
    return [
        {
            "parameters": row.parameters,
            "dimension": row.dimension,
            "against": row.candidate,
            "goal": GOALS[row.candidate],
            "times_faster": row.ratio_to_kernel.median,
            "met": row.ratio_to_kernel.median >= GOALS[row.candidate],
            "met_in_every_repeat": row.ratio_to_kernel.least >= GOALS[row.candidate],
        }
        for row in rows
        if row.candidate in GOALS
    ]


def show(console: Console, report: dict[str, Any], rows: list[Row]) -> None:
    """Print the report for a reader."""
    for title in ("machine", "sizes"):
        console.print(f"{title}: " + ", ".join(f"{k} {v}" for k, v in report[title].items()))
    table = Table("parameters", "d", "what", "ns per template (min, max)", "times the kernel's")
    for row in rows:
        t, r = row.nanoseconds_per_template, row.ratio_to_kernel
        taken = f"{t.median:,.0f} ({t.least:,.0f}, {t.most:,.0f})"
        ratio = f"{r.median:,.2f} ({r.least:,.2f}, {r.most:,.2f})"
        table.add_row(row.parameters, str(row.dimension), row.candidate, taken, ratio)
    console.print(table)
    for v in report["verdicts"]:
        every = "in every repeat" if v["met_in_every_repeat"] else "by the median only"
        outcome = f"at least {v['goal']:,} times faster {every}" if v["met"] else "goal MISSED"
        console.print(
            f"{v['parameters']}, d = {v['dimension']}: one thread of the kernel is "
            f"{v['times_faster']:,.0f} times faster than {v['against']}: {outcome}"
        )


@click.command()
@click.option("--quick", is_flag=True, help="Fewer blocks, faces and repeats.")
@click.option("--dimension", type=click.IntRange(1, 4096), default=[128], multiple=True)
@click.option("--parameters", "names", type=click.Choice([*PARAMETER_SETS]), multiple=True)
@click.option("--json", "path", type=click.Path(dir_okay=False, path_type=Path))
def main(quick: bool, dimension: list[int], names: tuple[str, ...], path: Path | None) -> None:
    """Compare search times per template; give --dimension or --parameters more than once."""
    sizes = {"blocks": 24, "faces": 24, "repeats": 9}
    if quick:
        sizes = {"blocks": 6, "faces": 8, "repeats": 3}
    rows: list[Row] = []
    for one in dimension:
        for name in names or PARAMETER_SETS:
            rows += compare(PARAMETER_SETS[name], one, sizes)
    report: dict[str, Any] = {
        "machine": describe(),
        "sizes": sizes,
        "rows": [asdict(row) for row in rows],
        "verdicts": verdicts(rows),
    }
    show(Console(width=120), report, rows)
    if path:
        path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

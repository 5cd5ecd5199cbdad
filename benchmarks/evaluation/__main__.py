"""The program ``python -m benchmarks.evaluation``: time and memory of ``gallery evaluate``.

It makes a labelled set in the shape of "Labeled Faces in the Wild", or of several times its people,
and evaluates it with all intervals in a process of its own. Then it evaluates a smaller one with
this state of the program and with a former one, which kept all comparisons, in turn.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from benchmarks.evaluation.evaluation_goals import check_goals
from benchmarks.evaluation.evaluation_run import EvaluationRun, evaluate
from benchmarks.evaluation.face_set import write_set
from benchmarks.shared.former_state import FORMER_STATE, ROOT, check_out
from benchmarks.shared.machine import describe_machine
from benchmarks.shared.options import folder_option


@click.command()
@click.option("--times", default=1.0, show_default=True, help="How many times the people of LFW.")
@click.option(
    "--both-times",
    default=0.2,
    show_default=True,
    help="The same for the set that is evaluated by the former state too; 0 for none.",
)
@click.option(
    "--before", default=FORMER_STATE, show_default=True, help="Commit of the former state."
)
@folder_option
def main(times: float, both_times: float, before: str, folder: Path | None) -> None:
    """Measure an evaluation; the last line is what was found, in JSON."""
    notes, runs = Console(stderr=True), dict[str, EvaluationRun]()
    with tempfile.TemporaryDirectory(prefix="evaluation-", dir=folder) as name:
        place = Path(name)
        notes.print(f"{times:g} times LFW …")
        write_set(place / "large.npz", times)
        runs["large"] = evaluate(ROOT, place / "large.npz", place / "report")
        if both_times:
            notes.print(f"{both_times:g} times LFW, now and at {before} …")
            former = check_out(before, place / "before")
            write_set(place / "small.npz", both_times)
            # Whoever is first compiles kernels, which both keep.
            evaluate(former, place / "small.npz", place / "report")
            runs["small"] = evaluate(ROOT, place / "small.npz", place / "report")
            runs["small, before"] = evaluate(former, place / "small.npz", place / "report")
    Console(width=120).print(_table(runs))
    for outcome in check_goals(times, runs["large"]):
        click.echo(str(outcome))
    click.echo(json.dumps({**describe_machine(), "times": times, **_figures(runs)}))


def _table(runs: dict[str, EvaluationRun]) -> Table:
    table = Table("set", "samples", "people", "comparisons", "seconds", "processor s", "peak MB")
    for name, run in runs.items():
        sizes = run.report["dataset"]["samples"], run.report["dataset"]["subjects"]
        counts = (*sizes, run.comparisons)
        figures = f"{run.seconds:,.1f}", f"{run.processor_seconds:,.1f}"
        table.add_row(
            name, *(f"{count:,}" for count in counts), *figures, f"{run.peak_bytes / 1e6:,.0f}"
        )
    return table


def _figures(runs: dict[str, EvaluationRun]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, run in runs.items():
        key = name.replace(", ", "_")
        found[f"{key}_samples"] = run.report["dataset"]["samples"]
        found[f"{key}_comparisons"] = run.comparisons
        found[f"{key}_seconds"] = run.seconds
        found[f"{key}_processor_seconds"] = run.processor_seconds
        found[f"{key}_peak_megabytes"] = run.peak_bytes / 1e6
    if (former := runs.get("small, before")) is not None:
        found["times_as_fast"] = former.seconds / runs["small"].seconds
        found["share_of_memory"] = runs["small"].peak_bytes / former.peak_bytes
    return found


if __name__ == "__main__":
    main()

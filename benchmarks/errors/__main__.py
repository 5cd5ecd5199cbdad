"""The program ``python -m benchmarks.errors``: errors of encrypted distances against plain ones.

Ten million comparisons of random unit vectors for each parameter set, through the real encryption,
scan, check and opening. It ends with 1 if an error is above the bound that the parameter set
states, or if a decision changed whose distance in clear is further from the threshold than that.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.errors.distance_errors import DistanceErrors
from benchmarks.errors.measurement import measure_errors
from benchmarks.shared.options import dimension_option
from gallery.parameters import PARAMETER_SETS


@click.command()
@click.option(
    "--parameters",
    type=click.Choice([*PARAMETER_SETS]),
    default=["swift", "light"],
    multiple=True,
    show_default=True,
)
@dimension_option()
@click.option("--comparisons", type=click.IntRange(1), default=10_000_000, show_default=True)
@click.option("--probes", type=click.IntRange(2), default=256, show_default=True)
@click.option(
    "--threshold",
    "thresholds",
    type=click.FloatRange(0.0, 2.0),
    default=[0.3, 1.0],
    multiple=True,
    show_default=True,
    help="Cosine distance to decide at; that of most random vectors is near 1.",
)
def main(
    parameters: tuple[str, ...],
    dimension: int,
    comparisons: int,
    probes: int,
    thresholds: tuple[float, ...],
) -> None:
    """Measure the errors of cosine distances; the last line is the report in JSON."""
    found: dict[str, DistanceErrors] = {}
    for name in parameters:
        with click.progressbar(length=comparisons, label=name) as bar:
            found[name] = measure_errors(
                PARAMETER_SETS[name], dimension, comparisons, probes, thresholds, bar.update
            )
    _show(Console(width=120), found)
    report = {name: _as_plain(errors) for name, errors in found.items()}
    click.echo(json.dumps({"dimension": dimension, "probes": probes, **report}))
    if not all(errors.as_stated for errors in found.values()):
        raise SystemExit(1)


def _show(console: Console, found: dict[str, DistanceErrors]) -> None:
    errors_table = Table("parameters", "comparisons", "std", "largest error", "bound")
    decisions = Table(
        "parameters", "threshold", "within bound of it", "decisions changed", "outside bound"
    )
    for name, errors in found.items():
        figures = errors.standard_deviation, errors.largest, errors.bound
        errors_table.add_row(name, f"{errors.comparisons:,}", *(f"{one:.2e}" for one in figures))
        for tally in errors.decisions:
            counts = tally.within_bound, tally.changed, tally.changed_outside
            decisions.add_row(name, f"{tally.threshold:g}", *(f"{count:,}" for count in counts))
    console.print(errors_table, decisions)


def _as_plain(errors: DistanceErrors) -> dict[str, Any]:
    return {
        "comparisons": errors.comparisons,
        "mean": errors.mean,
        "standard_deviation": errors.standard_deviation,
        "largest": errors.largest,
        "bound": errors.bound,
        "decisions": [asdict(tally) for tally in errors.decisions],
        "as_stated": errors.as_stated,
    }


if __name__ == "__main__":
    main()

"""The program ``python -m benchmarks.cluster``: a small cluster measured, large ones predicted."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from benchmarks.cluster.costs import ClusterCosts
from benchmarks.cluster.measurement import ClusterSettings, measure_cluster
from benchmarks.cluster.paths import PLOT, REPORT, SCALING_PAGE, SIZING
from benchmarks.cluster.scaling_page import BEGIN, END, render
from benchmarks.cluster.scenario_plot import plot_scenarios
from benchmarks.cluster.scenarios import simulate
from benchmarks.shared.machine import describe_machine
from benchmarks.shared.options import parameters_option, references_option
from benchmarks.shared.page_tables import replace_between


@click.group()
def main() -> None:
    """Measure a small cluster on this machine, and simulate large ones with its costs."""


@main.command()
@references_option(100_000)
@parameters_option
@click.option("--workers", type=click.IntRange(1), multiple=True, default=(1, 2, 3))
@click.option("--clients", type=click.IntRange(1), multiple=True, default=(1, 4, 16))
@click.option("--seconds", type=float, default=10.0, show_default=True, help="Of each load.")
@click.option("--repeats", type=click.IntRange(1), default=5, show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), default=REPORT)
def measure(output: Path, **options: Any) -> None:
    """Measure what the parts cost and how long searches take; write the report."""
    report: dict[str, Any] = {
        "started": datetime.now(UTC).isoformat(" ", "minutes"),
        "machine": describe_machine(),
        "load_average": [round(value, 2) for value in os.getloadavg()],
    }
    report |= measure_cluster(ClusterSettings(**options), click.echo)
    output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    for row in report["searches"]:
        for what in ("measured", "simulated"):
            found = row[what]
            click.echo(
                f"{row['workers']} workers, {row['clients']} clients, {what}: p50 "
                f"{1e3 * found['p50']:.0f} ms, p99 {1e3 * found['p99']:.0f} ms, "
                f"{found['rate']:.1f} a second"
            )
    click.echo(json.dumps(report["costs"]))


@main.command()
def predict() -> None:
    """Simulate large clusters with the costs of the report; write docs/scaling.md and a plot."""
    report = json.loads(REPORT.read_text(encoding="utf-8"))
    costs = {kind: ClusterCosts.of(found) for kind, found in report["costs"].items()}
    rows = []
    for row in simulate(costs):
        rows.append(row)
        click.echo(
            f"{row['references']:,} references, {row['parameters']}, {row['faults']}, "
            f"{row['load'] * row['most_per_second']:.3g} searches a second: "
            f"p50 {row['p50']:.3g} s, p99 {row['p99']:.3g} s"
        )
    SIZING.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    plot_scenarios(rows, PLOT)
    replace_between(SCALING_PAGE, BEGIN, END, render(report, rows))


if __name__ == "__main__":
    main()

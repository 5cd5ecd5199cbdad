"""The program ``python -m benchmarks.commands``: what commands take as whole processes.

A gallery of random embeddings lies in SQLite. Commands on one probe or one person run against it,
embedded and over a real ``gallery serve`` on this machine, in turn: with nothing kept on the
owner's disk, with an empty cache, and with a warm one; and three of them with a former state of the
program. A relay in between counts bytes. Kernels are
compiled beforehand, the key file has no passphrase.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.commands.command_run import CommandRun
from benchmarks.commands.commands_goals import check_goals, compared
from benchmarks.commands.workplace import Workplace
from benchmarks.shared.former_state import FORMER_STATE, check_out
from benchmarks.shared.machine import describe_machine
from benchmarks.shared.options import (
    dimension_option,
    folder_option,
    parameters_option,
    references_option,
)
from benchmarks.shared.timing import Spread


@click.command()
@references_option(100_000)
@dimension_option()
@parameters_option
@click.option("--repeats", default=5, show_default=True, help="Runs of each command.")
@click.option(
    "--before",
    default=FORMER_STATE,
    show_default=True,
    help="Commit of a former state to measure beside this one; an empty word for none.",
)
@folder_option
@click.option("--quick", is_flag=True, help="10,000 references, twice, to see that it runs.")
def main(
    references: int,
    dimension: int,
    parameters: str,
    repeats: int,
    before: str,
    folder: Path | None,
    quick: bool,
) -> None:
    """Measure commands as whole processes; the last line is what was found, in JSON."""
    notes = Console(stderr=True)
    if quick:
        references, repeats = 10_000, 2
    with tempfile.TemporaryDirectory(prefix="commands-", dir=folder) as name:
        former = check_out(before, Path(name) / "former") if before else None
        place = Workplace(Path(name), parameters, dimension, former)
        notes.print(f"enrolling {references:,} references …")
        place.enroll(references)
        runs = place.measure(repeats, lambda number: notes.print(f"repeat {number} …"))
    Console(width=140).print(_table(runs))
    for outcome in check_goals(references, dimension, runs):
        click.echo(str(outcome))
    for line in compared(runs):
        click.echo(line)
    settings = {"references": references, "dimension": dimension, "parameters": parameters}
    click.echo(json.dumps({**describe_machine(), **settings, "commands": _figures(runs)}))


def _table(runs: Mapping[str, Sequence[CommandRun]]) -> Table:
    table = Table("command", "seconds", "processor s", "bytes up", "bytes down")
    for name, some in runs.items():
        seconds, processor = (
            Spread.of(values)
            for values in (
                [run.seconds for run in some],
                [run.processor_seconds for run in some],
            )
        )
        last = some[-1]
        table.add_row(
            name,
            f"{seconds.median:.2f} ({seconds.least:.2f} to {seconds.most:.2f})",
            f"{processor.median:.2f}",
            f"{last.up:,}",
            f"{last.down:,}",
        )
    return table


def _figures(runs: Mapping[str, Sequence[CommandRun]]) -> dict[str, dict[str, float]]:
    """Return the median of each figure of each command."""
    return {
        name: {
            field.name: float(np.median([getattr(run, field.name) for run in some]))
            for field in fields(CommandRun)
        }
        for name, some in runs.items()
    }


if __name__ == "__main__":
    main()

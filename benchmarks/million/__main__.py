"""The program ``python -m benchmarks.million``: time and memory of a gallery of a million.

Embeddings are random, made on the fly. Enrolling, a service, a real server, and an owner without
one are processes of their own, so that the peak memory of each (its resident set) can be told.
``--folder`` chooses the disk; a million references of 128 values take 1.3 GB of it with ``swift``,
3.4 GB with ``standard``.
"""

from __future__ import annotations

import json
import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from benchmarks.million.million_goals import check_goals
from benchmarks.million.phases import PHASES, Phase
from benchmarks.million.settings import MillionSettings
from benchmarks.shared.machine import describe_machine
from benchmarks.shared.options import (
    dimension_option,
    folder_option,
    parameters_option,
    references_option,
)
from gallery.client import GalleryKey, write_key_file


@click.command()
@references_option(1_000_000)
@dimension_option()
@parameters_option
@click.option("--probes", default=8, show_default=True, help="Probes that are searched together.")
@click.option("--repeats", default=9, show_default=True, help="Searches of each kind.")
@folder_option
@click.option("--quick", is_flag=True, help="20,000 references, to see that it runs.")
def main(
    references: int,
    dimension: int,
    parameters: str,
    probes: int,
    repeats: int,
    folder: Path | None,
    quick: bool,
) -> None:
    """Measure a large gallery: enrolling, searching with and without memory, and its size."""
    notes = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="million-", dir=folder) as place:
        count = 20_000 if quick else references
        settings = MillionSettings(Path(place), count, dimension, parameters, probes, repeats)
        write_key_file(settings.key_file, GalleryKey.generate(), None)
        figures: dict[str, float] = {}
        for phase in PHASES:
            notes.print(f"{phase.__name__.replace('_', ' ')} …")
            figures |= _in_process(phase, settings)
        figures["database_megabytes"] = settings.database_file.stat().st_size / 1e6
    asked = {name: value for name, value in asdict(settings).items() if name != "folder"}
    Console().print(_table(settings, figures))
    for outcome in check_goals(settings, figures):
        click.echo(str(outcome))
    click.echo(json.dumps({**describe_machine(), **asked, **figures}))


def _in_process(phase: Phase, settings: MillionSettings) -> dict[str, float]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as process:
        return process.submit(phase, settings).result()


def _table(settings: MillionSettings, figures: dict[str, float]) -> Table:
    sizes = f"{settings.references:,} references of {settings.dimension} values"
    table = Table("figure", title=f"{sizes}, {settings.parameters}")
    table.add_column("value", justify="right")
    for name, value in figures.items():
        shown = f"{value:,.4f}" if "seconds" in name and value < 100 else f"{value:,.0f}"
        table.add_row(name.replace("_", " "), shown)
    return table


if __name__ == "__main__":
    main()

"""The program ``python -m benchmarks.message_sizes``: bytes of probes, enrollments and results.

Clients and service are the real ones; between them stands a service that records the messages.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from benchmarks.message_sizes.measurement import measure_sizes
from gallery.parameters import PARAMETER_SETS


@click.command()
@click.option("--dimension", type=click.IntRange(1, 4096), default=[128, 512], multiple=True)
@click.option("--parameters", type=click.Choice([*PARAMETER_SETS]), multiple=True)
@click.option("--json", "path", type=click.Path(dir_okay=False, path_type=Path))
def main(dimension: list[int], parameters: tuple[str, ...], path: Path | None) -> None:
    """Measure messages; give --dimension or --parameters more than once."""
    sizes = [
        size
        for name in parameters or PARAMETER_SETS
        for one in dimension
        for size in measure_sizes(name, one)
    ]
    table = Table("parameters", "d", "message", "bytes", "per reference", "after zstd")
    for size in sizes:
        each = size.bytes_per_reference
        table.add_row(
            size.parameters,
            str(size.dimension),
            size.message,
            f"{size.bytes:,}",
            "" if each is None else f"{each:,.1f}",
            f"{size.compressed:.1%}",
        )
    Console(width=120).print(table)
    text = json.dumps([asdict(size) for size in sizes])
    if path:
        path.write_text(text + "\n", encoding="utf-8")
    click.echo(text)


if __name__ == "__main__":
    main()

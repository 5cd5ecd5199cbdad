"""The program ``python -m benchmarks.desk``: searches by the desk's API against the command.

The desk is a real one with a warm model, over an embedded database. Each repeat searches with a
photo by the desk, with its embedding by the desk, and with the photo by ``gallery identify``. Then
rows of searches show whether the desk's memory grows.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.desk.desk_goals import REFERENCES, check_memory, check_times
from benchmarks.desk.desk_process import STAGES, DeskProcess
from benchmarks.desk.measurement import SearchRow, SearchTimes, spread_of, time_searches
from benchmarks.desk.prepared_gallery import PreparedGallery, prepare
from benchmarks.shared.machine import describe_machine
from benchmarks.shared.timing import Spread
from gallery.demo.samples import fetch_samples
from gallery.parameters import DEFAULT_PARAMETERS, PARAMETER_SETS

_FIGURES: dict[str, Callable[[SearchTimes], float]] = {
    "photo by the desk, whole": lambda item: item.photo,
    "decoding the photo": lambda item: item.stages["decode"],
    "detection and embedding": lambda item: item.stages["embed"],
    "search of the gallery": lambda item: item.stages["search"],
    "answering (the rest)": lambda item: item.answering,
    "beyond detection and embedding": lambda item: item.beyond_embedding,
    "embedding by the desk, whole": lambda item: item.embedding,
    "photo by gallery identify": lambda item: item.command,
}


@click.command()
@click.option("--references", default=REFERENCES, show_default=True)
@click.option(
    "--parameters",
    type=click.Choice([*PARAMETER_SETS]),
    default=DEFAULT_PARAMETERS.name,
    show_default=True,
)
@click.option("--repeats", default=15, show_default=True, help="Searches of each kind.")
@click.option(
    "--searches", default=1000, show_default=True, help="Length of the rows for memory; 0: none."
)
@click.option("--folder", type=click.Path(exists=True, path_type=Path), help="Where to work.")
@click.option("--quick", is_flag=True, help="Few repeats and no rows, to see that it runs.")
def main(
    references: int,
    parameters: str,
    repeats: int,
    searches: int,
    folder: Path | None,
    quick: bool,
) -> None:
    """Measure searches by a desk; the last line is what was found, in JSON."""
    if quick:
        repeats, searches = 3, 0
    samples, notes = fetch_samples(), Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="desk-", dir=folder) as name:
        notes.print(f"enrolling {references:,} references …")
        gallery = prepare(Path(name), samples, references, parameters)
        with closing(DeskProcess(gallery)) as desk:
            times = _times(gallery, desk, repeats, notes)
            rows = _rows(gallery, desk, searches, notes)
    Console(width=100).print(_table(times, f"{references:,} references, {parameters}"))
    for kind, row in rows.items():
        shown = ", ".join(f"{size / 1e6:,.0f}" for size in row.resident)
        click.echo(f"memory after each hundred searches with {kind}s: {shown} MB")
        click.echo(f"processor time of one: {1e3 * row.processor_seconds:,.1f} ms")
    for outcome in (*check_times(references, times), *check_memory([*rows.values()])):
        click.echo(str(outcome))
    asked = {"references": references, "parameters": parameters, "repeats": repeats}
    click.echo(json.dumps({**describe_machine(), **asked, **_figures(times, rows)}))


def _times(
    gallery: PreparedGallery, desk: DeskProcess, repeats: int, notes: Console
) -> list[SearchTimes]:
    with Progress(console=notes, transient=True) as bars:
        bar = bars.add_task("searching", total=repeats)
        return time_searches(gallery, desk, repeats, lambda: bars.advance(bar))


def _rows(
    gallery: PreparedGallery, desk: DeskProcess, searches: int, notes: Console
) -> dict[str, SearchRow]:
    if not searches:
        return {}
    photo = gallery.probe.read_bytes()
    embedding = desk.embed(photo)
    found = {}
    kinds: dict[str, Callable[[], object]] = {
        "embedding": lambda: desk.identify_embedding(embedding),
        "photo": lambda: desk.identify(photo),
    }
    for kind, search in kinds.items():
        notes.print(f"{searches:,} searches with {kind}s …")
        found[kind] = SearchRow.of(search, desk.resident, desk.processor_seconds, searches)
    return found


def _table(times: list[SearchTimes], title: str) -> Table:
    table = Table("ms", title=title)
    for column in ("median", "least", "most"):
        table.add_column(column, justify="right")
    for name, figure in _FIGURES.items():
        table.add_row(name, *_shown(spread_of(times, figure).times(1e3)))
    table.add_row("times faster than the command", *_shown(spread_of(times, _ratio)))
    return table


def _ratio(item: SearchTimes) -> float:
    return item.times_faster


def _shown(spread: Spread) -> list[str]:
    return [f"{value:,.1f}" for value in (spread.median, spread.least, spread.most)]


def _figures(times: list[SearchTimes], rows: dict[str, SearchRow]) -> dict[str, object]:
    figures: dict[str, Callable[[SearchTimes], float]] = {
        "photo_seconds": lambda item: item.photo,
        "answering_seconds": lambda item: item.answering,
        "beyond_embedding_seconds": lambda item: item.beyond_embedding,
        "embedding_seconds": lambda item: item.embedding,
        "command_seconds": lambda item: item.command,
        "times_faster": _ratio,
    }
    found: dict[str, object] = {}
    for name, figure in figures.items():
        found |= _spread_figures(name, spread_of(times, figure))
    for stage in STAGES:
        spread = spread_of(times, lambda item, stage=stage: item.stages[stage])  # type: ignore[misc]
        found |= _spread_figures(f"{stage}_seconds", spread)
    for kind, row in rows.items():
        found[f"{kind}_row_megabytes"] = [size / 1e6 for size in row.resident]
        found[f"{kind}_row_growth_megabytes"] = row.growth / 1e6
        found[f"{kind}_row_processor_seconds"] = row.processor_seconds
    return found


def _spread_figures(name: str, spread: Spread) -> dict[str, float]:
    return {name: spread.median, f"{name}_least": spread.least, f"{name}_most": spread.most}


if __name__ == "__main__":
    main()

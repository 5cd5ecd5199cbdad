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

from benchmarks.desk.desk_goals import REFERENCES
from benchmarks.desk.desk_process import DeskProcess
from benchmarks.desk.desk_report import BEGIN, END, DeskReport
from benchmarks.desk.measurement import SearchRow, SearchTimes, time_searches
from benchmarks.desk.prepared_gallery import PreparedGallery, prepare
from benchmarks.shared.machine import describe_machine
from benchmarks.shared.options import folder_option, parameters_option, references_option
from benchmarks.shared.other_work import OtherWork
from benchmarks.shared.page_tables import replace_between
from gallery.demo.samples import fetch_samples

_PAGE = Path(__file__).parents[2] / "docs" / "performance.md"


@click.command()
@references_option(REFERENCES)
@parameters_option
@click.option("--repeats", default=15, show_default=True, help="Searches of each kind.")
@click.option(
    "--searches", default=1000, show_default=True, help="Length of the rows for memory; 0: none."
)
@folder_option
@click.option("--quick", is_flag=True, help="Few repeats and no rows, to see that it runs.")
@click.option("--write", is_flag=True, help="Write the table of docs/performance.md.")
def main(
    references: int,
    parameters: str,
    repeats: int,
    searches: int,
    folder: Path | None,
    quick: bool,
    write: bool,
) -> None:
    """Measure searches by a desk; the last line is what was found, in JSON."""
    if quick:
        repeats, searches = 3, 0
    samples, notes = fetch_samples(), Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="desk-", dir=folder) as name:
        notes.print(f"enrolling {references:,} references …")
        gallery = prepare(Path(name), samples, references, parameters)
        with closing(DeskProcess(gallery)) as desk:
            others = OtherWork()
            times = _times(gallery, desk, repeats, notes)
            busy = others.share()
            rows = _rows(gallery, desk, searches, notes)
        photo_bytes = gallery.probe.stat().st_size
    report = DeskReport(describe_machine(), references, parameters, photo_bytes, times, rows, busy)
    Console(width=100).print(_table(report))
    for outcome in report.outcomes():
        click.echo(str(outcome))
    click.echo(json.dumps(report.figures()))
    if write:
        replace_between(_PAGE, BEGIN, END, report.section())


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
        notes.print(f"{searches:,} searches with the {kind} …")
        found[kind] = SearchRow.of(search, desk.resident, desk.processor_seconds, searches)
    return found


def _table(report: DeskReport) -> Table:
    shown = Table("", "", title=f"{report.references:,} references, {report.parameters}")
    for line in report.lines():
        shown.add_row(*line)
    return shown


if __name__ == "__main__":
    main()

"""Results as people and as programs read them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from gallery.client import Results

_PIPE_WIDTH = 200


def results() -> Console:
    """Return where results go: standard output, which a pipe does not cut to 80 columns."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPE_WIDTH)


def result_table(*titles: str) -> Table:
    """Return an empty table as all commands print theirs."""
    return Table(
        *titles,
        box=None,
        pad_edge=False,
        header_style="bold",
        padding=(0, 2, 0, 0),
        show_header=bool(titles),
    )


def identification_table(found: Results) -> Table:
    """Return one row for each probe, and one for each further candidate; see `Results.records`."""
    table = result_table("probe", "decision", "label")
    table.add_column("distance", justify="right")
    table.add_column("candidate", overflow="fold")
    for record in found.records():
        match = record["decision"] == "match"
        decision = Text(record["decision"], style="green" if match else "yellow")
        shown: list[dict[str, Any]] = record["candidates"] or [{}]
        for rank, candidate in enumerate(shown):
            first = rank == 0
            table.add_row(
                Text(str(record["probe"])) if first else "",
                decision if first else "",
                Text(record["label"] or "-") if first else "",
                _number(candidate.get("distance")),
                Text(candidate.get("label", "-")),
            )
    return table


@contextmanager
def progress_bar(console: Console, text: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar with rate and time left, at a terminal; give what advances it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    hidden = console.quiet or not console.is_terminal
    with Progress(*columns, console=console, disable=hidden, transient=True) as bar:
        task = bar.add_task(text, total=total)
        yield lambda done: bar.advance(task, done)


class _Rate(ProgressColumn):
    """Shows how many items are done a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f}/s", style="progress.data.speed")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}" if round(value, 4) == value else repr(value)

"""Results as people read them: tables, and progress on the way there."""

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

from gallery.commands.terminal import printable

if TYPE_CHECKING:
    from gallery.client import Results

_PIPE_WIDTH = 200
_STYLES = {"match": "green", "non-match": "yellow", "failed": "red"}


class SafeConsole(Console):
    """A console that prints strings as they are, without markup, by way of `printable`."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print; as rich does, but for strings."""
        shown = (Text(printable(item)) if isinstance(item, str) else item for item in objects)
        super().print(*shown, **options)


def notices(*, quiet: bool = False) -> Console:
    """Return where notices, tables of failures and progress go: standard error."""
    return SafeConsole(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)


def results() -> Console:
    """Return where results go: standard output, which a pipe does not cut to 80 columns."""
    console = SafeConsole(highlight=False)
    return console if console.is_terminal else SafeConsole(highlight=False, width=_PIPE_WIDTH)


class SafeTable(Table):
    """A table whose cells are texts without markup, each by way of `printable`."""

    def add_row(self, *cells: Any, **options: Any) -> None:
        """Add a row of strings, or texts with a style."""
        super().add_row(*map(_cell, cells), **options)


def _cell(value: Any) -> Text:
    if isinstance(value, Text):
        return Text(printable(value.plain), style=value.style)
    return Text(printable(str(value)))


def result_table(*titles: str) -> SafeTable:
    """Return an empty table as all commands print theirs."""
    return SafeTable(
        *titles,
        box=None,
        pad_edge=False,
        header_style="bold",
        padding=(0, 2, 0, 0),
        show_header=bool(titles),
    )


def identification_table(found: Results) -> SafeTable:
    """Return one row for each probe, and one for each further candidate; see `Results.records`."""
    table = result_table("probe", "decision", "label")
    table.add_column("distance", justify="right")
    table.add_column("candidate", overflow="fold")
    for record in found.records():
        decision = Text(record["decision"], style=_STYLES[record["decision"]])
        shown: list[dict[str, Any]] = record["candidates"] or [{}]
        for rank, candidate in enumerate(shown):
            first = rank == 0
            table.add_row(
                record["probe"] if first else "",
                decision if first else "",
                (record["label"] or "-") if first else "",
                _number(candidate.get("distance")),
                candidate.get("label", "-"),
            )
    return table


@contextmanager
def progress_bar(console: Console, text: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar with rate and time left, at a terminal; give what advances it."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    hidden = console.quiet or not console.is_terminal
    with Progress(*columns, console=console, disable=hidden, transient=True) as bar:
        task = bar.add_task(printable(text), total=total)
        yield lambda done: bar.advance(task, done)


class _Rate(ProgressColumn):
    """Shows how many items are done a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f}/s", style="progress.data.speed")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}" if round(value, 4) == value else repr(value)

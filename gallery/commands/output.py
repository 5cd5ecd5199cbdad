"""Results for people: tables, and progress bars on the way there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from rich.cells import cell_len
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
    """Return the console of notices, tables of failures and progress: standard error."""
    return SafeConsole(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)


def results() -> Console:
    """Return the console of results: standard output, which a pipe does not cut to 80 columns."""
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


Cell = str | tuple[str, str]
"""A cell of a table: text, or text and its colour."""


def print_table(titles: Sequence[str], rows: Iterable[Sequence[Cell]], right: int = -1) -> None:
    """Print a table of any length, in columns as wide as they need, each cell `printable`.

    Parameters
    ----------
    titles
        One for each column.
    rows
        The cells.
    right
        Number of the column that is flushed right, or -1.
    """
    lines = [[_plain(cell) for cell in row] for row in (titles, *rows)]
    widths = [max(_width(text) for text, _ in column) for column in zip(*lines, strict=True)]
    for number, line in enumerate(lines):
        shown = []
        for column, ((text, colour), width) in enumerate(zip(line, widths, strict=True)):
            blank = " " * (width - _width(text)) if column < len(titles) - 1 else ""
            styled = click.style(text, fg=colour, bold=number == 0)
            shown.append(blank + styled if column == right else styled + blank)
        # Named, since click takes another one in the place of an output whose encoding is ASCII.
        click.echo("  ".join(shown), file=sys.stdout)


def _plain(cell: Cell) -> tuple[str, str | None]:
    text, colour = (cell, None) if isinstance(cell, str) else cell
    return printable(text), colour


def _width(text: str) -> int:
    """Return the places that a text takes at a terminal."""
    return len(text) if text.isascii() else cell_len(text)


def print_identification(found: Results) -> None:
    """Print one row for each probe, and one for each further candidate; see `Results.records`."""
    rows: list[tuple[Cell, ...]] = []
    for row, record in enumerate(found.records()):
        decision = decision_cell(record)
        shown: list[dict[str, Any]] = record["candidates"] or [{}]
        for rank, candidate in enumerate(shown):
            first = rank == 0
            rows.append(
                (
                    found.name(row) if first else "",
                    decision if first else "",
                    (record["label"] or "-") if first else "",
                    number(candidate.get("distance")),
                    candidate.get("label", "-"),
                    named_values(candidate.get("attributes", {})),
                )
            )
    titles = ("probe", "decision", "label", "distance", "candidate", "attributes")
    known = any(row[-1] for row in rows)
    shown_rows = rows if known else [row[:-1] for row in rows]
    print_table(titles if known else titles[:-1], shown_rows, right=3)


def decision_cell(record: Mapping[str, Any]) -> Cell:
    """Return the decision of a record of `Results.records` as a cell, with what qualifies it."""
    decision: str = record["decision"]
    if record["ambiguous"]:
        return f"{decision}, ambiguous", "yellow"
    if record["expired"]:
        return f"{decision}, expired", "red"
    return decision, _STYLES[decision]


@contextmanager
def progress_bar(console: Console, text: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a progress bar with rate and time left, at a terminal; give what advances it.

    ``total`` is None where nobody knows it yet.
    """
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


def named_values(values: Mapping[str, str]) -> str:
    """Return attributes as one cell of a table: ``id=4711; team=night``."""
    return "; ".join(f"{name}={text}" for name, text in values.items())


def number(value: float | None) -> str:
    """Return a distance as tables show it."""
    return "-" if value is None else f"{value:.4f}" if round(value, 4) == value else repr(value)

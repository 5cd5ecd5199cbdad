"""Results for people: tables, and progress bars on the way there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

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
from rich.text import Text

from gallery.commands.terminal import printable

if TYPE_CHECKING:
    from gallery.client import Results

_STYLES = {"match": "green", "non-match": "yellow", "failed": "red"}


class SafeConsole(Console):
    """A console that prints strings as they are, without markup, by way of `printable`."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print; as rich does, but for strings."""
        shown = (Text(printable(item)) if isinstance(item, str) else item for item in objects)
        super().print(*shown, **options)


def notices(*, quiet: bool = False) -> Console:
    """Return the console of notices and progress: standard error."""
    return SafeConsole(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)


Cell = str | tuple[str, str]
"""A cell of a table: text, or text and its colour."""


def print_table(
    titles: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    right: Collection[int] = (),
    *,
    file: IO[str] | None = None,
) -> None:
    """Print a table of any length, in columns as wide as they need, each cell `printable`.

    Parameters
    ----------
    titles
        One for each column; none for a table without them.
    rows
        The cells.
    right
        Numbers of the columns that are flushed right.
    file
        Where to; standard output by default.
    """
    lines = [[_plain(cell) for cell in row] for row in ((titles, *rows) if titles else rows)]
    widths = [max(_width(text) for text, _ in column) for column in zip(*lines, strict=True)]
    for number, line in enumerate(lines):
        shown = []
        for column, ((text, colour), width) in enumerate(zip(line, widths, strict=True)):
            is_right = column in right
            blank = " " * (width - _width(text)) if is_right or column < len(line) - 1 else ""
            styled = click.style(text, fg=colour, bold=bool(titles) and number == 0)
            shown.append(blank + styled if is_right else styled + blank)
        # Named, since click takes another one in the place of an output whose encoding is ASCII.
        click.echo("  ".join(shown), file=file or sys.stdout)


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
    print_table(titles if known else titles[:-1], shown_rows, right=(3,))


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

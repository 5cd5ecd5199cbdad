"""Tables for programs: one JSON object a row and line, or CSV.

In CSV an apostrophe precedes text that a spreadsheet would take for a formula; JSON has it as it
is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from functools import wraps
from typing import Any

import click

from gallery.commands.options import json_option
from gallery.commands.output import named_values
from gallery.commands.terminal import print_csv, print_json
from gallery.spreadsheets import with_apostrophe


class TableFormat(StrEnum):
    """The format of a table for programs."""

    JSON = "json"
    CSV = "csv"


def csv_option(each: str) -> Callable[..., Any]:
    """Return ``--csv``; ``each`` is the thing that a line is for, as help says it: ``person``."""
    return click.option(
        "--csv",
        "as_csv",
        is_flag=True,
        help=f"Print CSV: a line of titles, then a line for each {each}. An apostrophe precedes "
        "text that a spreadsheet would take for a formula.",
    )


def chosen_format(as_json: bool, as_csv: bool) -> TableFormat | None:
    """Return the format that ``--json`` or ``--csv`` asks for; both at once are refused."""
    if as_json and as_csv:
        raise click.UsageError("choose one of --json and --csv")
    return TableFormat.JSON if as_json else TableFormat.CSV if as_csv else None


def table_options(
    each: str, name: str = "form", *, of_csv: str | None = None
) -> Callable[..., Any]:
    """Return ``--json`` and ``--csv``, of which a command gets a `TableFormat` or None.

    Parameters
    ----------
    each
        The thing that a row is for, as help says it: ``person``.
    name
        The argument that takes it.
    of_csv
        The same for CSV, where its lines are others.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def collect(*args: Any, as_json: bool, as_csv: bool, **rest: Any) -> Any:
            return function(*args, **rest, **{name: chosen_format(as_json, as_csv)})

        decorated: Callable[..., Any] = json_option(
            f"Print a JSON object for each {each}, one a line."
        )(csv_option(of_csv or each)(collect))
        return decorated

    return decorate


def print_records(
    form: TableFormat,
    columns: Sequence[str],
    records: Iterable[Mapping[str, Any]],
    *,
    titles: bool = True,
) -> int:
    """Print records as a program reads them; return how many there were.

    Parameters
    ----------
    form
        The format.
    columns
        The fields that CSV has, in order; JSON has all.
    records
        Texts, numbers, truth values, None, and lists and mappings of texts, by name.
    titles
        Whether CSV begins with the line of titles.
    """
    count = 0
    if titles and form is TableFormat.CSV:
        print_csv(columns)
    for record in records:
        if form is TableFormat.JSON:
            print_json(record)
        else:
            print_csv([_cell(record.get(name)) for name in columns])
        count += 1
    return count


def _cell(value: Any) -> str:
    """Return a value as a cell of CSV."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        text = named_values(value)
    elif isinstance(value, str):
        text = value
    else:
        text = "; ".join(map(str, value))
    return with_apostrophe(text)

"""Tables for programs: one JSON object a row and line, or CSV.

Spreadsheets take a cell of CSV for a formula that begins with an equals sign or one of a few other
characters, whoever chose the text. So such text stands after an apostrophe here; JSON has it as it
is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from functools import wraps
from typing import Any, Final

import click

from gallery.commands.options import json_option
from gallery.commands.output import named_values
from gallery.commands.terminal import print_csv, print_json

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What formulas begin with, also in the wide forms of East Asian scripts."""


class TableFormat(StrEnum):
    """How a table is printed for programs."""

    JSON = "json"
    CSV = "csv"


def csv_option(what: str) -> Callable[..., Any]:
    """Return ``--csv``; ``what`` a line is, as help says it: ``a person``."""
    return click.option(
        "--csv",
        "as_csv",
        is_flag=True,
        help=f"Print CSV with a title line, one line {what}. Text that a spreadsheet would take "
        "for a formula stands after an apostrophe.",
    )


def chosen_format(as_json: bool, as_csv: bool) -> TableFormat | None:
    """Return which of ``--json`` and ``--csv`` was given, of which one alone may be."""
    if as_json and as_csv:
        raise click.UsageError("choose one of --json and --csv")
    return TableFormat.JSON if as_json else TableFormat.CSV if as_csv else None


def table_options(
    what: str, name: str = "form", *, of_csv: str | None = None
) -> Callable[..., Any]:
    """Return ``--json`` and ``--csv``, of which a command gets a `TableFormat` or None.

    Parameters
    ----------
    what
        What a row is, as help says it: ``a person``.
    of_csv
        The same for CSV, where its lines are others.
    name
        The argument that takes it.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def collect(*args: Any, as_json: bool, as_csv: bool, **rest: Any) -> Any:
            return function(*args, **rest, **{name: chosen_format(as_json, as_csv)})

        decorated: Callable[..., Any] = json_option(f"Print one JSON object {what} and line.")(
            csv_option(of_csv or what)(collect)
        )
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
        How.
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
    return f"'{text}" if text.startswith(_FORMULA) else text

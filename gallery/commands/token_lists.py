"""Lists of tokens: a table, or records for programs, alike for tokens of servers and of desks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from gallery.commands.output import print_table
from gallery.commands.records import TableFormat, print_records

COLUMNS: Final = ("name", "token_id", "scope", "galleries", "created", "expires", "revoked")
"""Of the records; ``galleries`` is empty or None for all, ``expires`` None for never."""

_TITLES: Final = {"token_id": "identifier"}


def print_tokens(
    records: Sequence[dict[str, Any]],
    form: TableFormat | None,
    *,
    shown: Sequence[str] = COLUMNS,
    everywhere: str,
) -> None:
    """Print tokens.

    Parameters
    ----------
    records
        Each with `COLUMNS`.
    form
        For programs; None for a table.
    shown
        The columns of the table.
    everywhere
        What the table says of a token that is for all galleries.
    """
    if form is not None:
        print_records(form, COLUMNS, list(records))
        return
    rows = [[_cell(column, record[column], everywhere) for column in shown] for record in records]
    if rows:
        print_table([_TITLES.get(column, column) for column in shown], rows)


def _cell(column: str, value: Any, everywhere: str) -> str:
    if column == "galleries":
        return ", ".join(value or ()) or everywhere
    if column == "expires":
        return str(value or "never")
    if column == "revoked":
        return "yes" if value is True else str(value or "-")
    return str(value)

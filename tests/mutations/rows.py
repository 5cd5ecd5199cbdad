"""The rows of a database, taken out to be changed and put back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

Value = bytes | str | int | None
Row = dict[str, Value]
Tables = dict[str, list[Row]]

KEYS = {
    "gallery": ("gallery_id",),
    "block": ("gallery_id", "block_index"),
    "reference": ("gallery_id", "block_index", "position"),
}
"""The tables and their primary keys."""


def connect(path: Path) -> sqlite3.Connection:
    """Open a database as somebody would who cares for neither foreign keys nor crashes."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    return connection


def take(path: Path) -> Tables:
    """Return all rows."""
    with closing(connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return {
            table: [
                dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY rowid")
            ]
            for table in KEYS
        }


def put(connection: sqlite3.Connection, tables: Tables) -> None:
    """Make these the database's rows (`sqlite3.IntegrityError` if two have the same key)."""
    with connection:
        for table, rows in tables.items():
            connection.execute(f"DELETE FROM {table}")
            for row in rows:
                marks = ", ".join("?" * len(row))
                names = ", ".join(f'"{name}"' for name in row)
                connection.execute(
                    f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values())
                )


def copied(tables: Tables) -> Tables:
    """Return tables that can be changed without changing these; values are shared."""
    return {table: [dict(row) for row in rows] for table, rows in tables.items()}


def place(table: str, row: Row) -> str:
    """Say which row this is."""
    inside = [str(row[name]) for name in KEYS[table][1:]]
    return " ".join([table, *inside])


def touched(before: Tables, after: Tables) -> set[Value]:
    """Return the identifiers of the galleries whose rows differ."""
    return {
        row["gallery_id"]
        for table in KEYS
        for one, other in ((before[table], after[table]), (after[table], before[table]))
        for row in one
        if row not in other
    }


def of_gallery(rows: Iterable[Row], gallery_id: Value) -> list[Row]:
    """Return the rows of one gallery."""
    return [row for row in rows if row["gallery_id"] == gallery_id]

"""Every kind of change that is made to the rows of a database; a seeded generator chooses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from tests.mutations.rows import KEYS, Row, Tables, Value, copied, place

Generator = np.random.Generator
T = TypeVar("T")


@dataclass(frozen=True)
class Change:
    """What was done to some rows, in words, and the rows afterwards."""

    what: str
    tables: Tables


@dataclass(frozen=True)
class Source:
    """What changes are made of: the rows as they are, and as they were at an older state."""

    now: Tables
    old: Tables


def flip_a_bit(source: Source, generator: Generator) -> Change:
    """Change one bit of one stored value."""
    tables, table, row, column = _value(source, generator)
    value = row[column]
    if isinstance(value, int):
        bit = int(generator.integers(31))
        row[column] = value ^ (1 << bit)
        return Change(f"{place(table, row)} {column}: bit {bit} flipped", tables)
    data = bytearray(value.encode() if isinstance(value, str) else value or b"")
    at, bit = int(generator.integers(len(data))), int(generator.integers(7))
    data[at] ^= 1 << bit
    row[column] = data.decode() if isinstance(value, str) else bytes(data)
    return Change(f"{place(table, row)} {column}: bit {bit} of byte {at} flipped", tables)


def change_the_size(source: Source, generator: Generator) -> Change:
    """Cut a stored value short, or add to it."""
    tables, table, row, column = _value(source, generator, (bytes, str))
    value: Any = row[column]
    kept = int(generator.integers(len(value)))
    shorter = bool(generator.integers(2))
    row[column] = value[:kept] if shorter else value + value[kept:]
    what = f"cut to {kept}" if shorter else f"{len(value) - kept} added"
    return Change(f"{place(table, row)} {column}: {what}", tables)


def swap_a_value(source: Source, generator: Generator) -> Change:
    """Exchange one column of two rows of a table, of whichever galleries."""
    tables, table, first, second = _two_rows(source, generator)
    column = _pick(generator, list(first))
    first[column], second[column] = second[column], first[column]
    return Change(f"{place(table, first)} and {place(table, second)}: {column} swapped", tables)


def copy_a_value(source: Source, generator: Generator) -> Change:
    """Write one column of a row over that of another."""
    tables, table, first, second = _two_rows(source, generator)
    column = _pick(generator, list(first))
    first[column] = second[column]
    return Change(f"{place(table, second)} {column} copied to {place(table, first)}", tables)


def swap_two_rows(source: Source, generator: Generator) -> Change:
    """Exchange the content of two rows and leave their places."""
    tables, table, first, second = _two_rows(source, generator)
    for column in set(first) - set(KEYS[table]):
        first[column], second[column] = second[column], first[column]
    return Change(f"{place(table, first)} and {place(table, second)} swapped", tables)


def drop_a_row(source: Source, generator: Generator) -> Change:
    """Delete a row."""
    tables, table, row = _row(source, generator)
    tables[table].remove(row)
    return Change(f"{place(table, row)} dropped", tables)


def move_a_row(source: Source, generator: Generator) -> Change:
    """Give a row another place, within its gallery or in the other one."""
    tables, table, row = _row(source, generator)
    before = place(table, row)
    _displace(tables, table, row, generator)
    return Change(f"{before} moved to {place(table, row)}", tables)


def double_a_reference(source: Source, generator: Generator) -> Change:
    """Add a copy of a reference at another position of a block that there is."""
    tables = copied(source.now)
    row = _pick(generator, tables["reference"]).copy()
    block = _pick(generator, tables["block"])
    row |= {"gallery_id": block["gallery_id"], "block_index": block["block_index"]}
    row |= {"position": int(generator.integers(4094)), "reference_id": generator.bytes(16)}
    tables["reference"].append(row)
    return Change(f"{place('reference', row)} added", tables)


def put_an_old_value_back(source: Source, generator: Generator) -> Change:
    """Write a column of an older state over the present one."""
    tables, table, row, old = _row_and_its_past(source, generator)
    column = _pick(generator, [name for name in row if row[name] != old[name]])
    row[column] = old[column]
    return Change(f"{place(table, row)} {column}: put back", tables)


def put_an_old_row_back(source: Source, generator: Generator) -> Change:
    """Write a row of an older state over the present one."""
    tables, table, row, old = _row_and_its_past(source, generator)
    row.update(old)
    return Change(f"{place(table, row)} put back", tables)


def put_an_old_table_back(source: Source, generator: Generator) -> Change:
    """Write a whole table of an older state over the present one, or two tables of the three."""
    tables = copied(source.now)
    chosen = [name for name in KEYS if generator.integers(2)]
    for table in chosen[:2]:
        tables[table] = copied(source.old)[table]
    return Change(f"tables put back: {chosen[:2]}", tables)


CHANGES: dict[Callable[[Source, Generator], Change], int] = {
    flip_a_bit: 60,
    change_the_size: 6,
    swap_a_value: 6,
    copy_a_value: 6,
    swap_two_rows: 4,
    drop_a_row: 4,
    move_a_row: 4,
    double_a_reference: 2,
    put_an_old_value_back: 4,
    put_an_old_row_back: 3,
    put_an_old_table_back: 1,
}
"""Kinds of changes, and how often each is made."""


def random_change(source: Source, generator: Generator) -> Change:
    """Make one change; it may happen to change nothing."""
    kinds, weights = [*CHANGES], np.array([*CHANGES.values()], dtype=float)
    kind = kinds[int(generator.choice(len(kinds), p=weights / weights.sum()))]
    return kind(source, generator)


def _pick(generator: Generator, items: list[T]) -> T:
    return items[int(generator.integers(len(items)))]


def _row(source: Source, generator: Generator) -> tuple[Tables, str, Row]:
    tables = copied(source.now)
    table = _pick(generator, [*KEYS])
    return tables, table, _pick(generator, tables[table])


def _value(
    source: Source, generator: Generator, kinds: tuple[type, ...] = (bytes, str, int)
) -> tuple[Tables, str, Row, str]:
    """Return copied tables, and a value in them: every column of every table is as likely."""
    tables = copied(source.now)
    columns = [
        (table, column)
        for table in KEYS
        for column, value in tables[table][0].items()
        if isinstance(value, kinds)
    ]
    table, column = _pick(generator, columns)
    return tables, table, _pick(generator, tables[table]), column


def _two_rows(source: Source, generator: Generator) -> tuple[Tables, str, Row, Row]:
    tables, table, first = _row(source, generator)
    others = [row for row in tables[table] if row is not first]
    return tables, table, first, _pick(generator, others)


def _row_and_its_past(source: Source, generator: Generator) -> tuple[Tables, str, Row, Row]:
    tables = copied(source.now)
    pairs = [
        (table, row, old)
        for table, key in KEYS.items()
        for row in tables[table]
        for old in source.old[table]
        if row != old and all(row[name] == old[name] for name in key)
    ]
    table, row, old = _pick(generator, pairs)
    return tables, table, row, old


def _displace(tables: Tables, table: str, row: Row, generator: Generator) -> None:
    """Change one part of a row's key."""
    column = _pick(generator, list(KEYS[table]))
    value: Value = row[column]
    if isinstance(value, int):
        row[column] = value + int(generator.integers(1, 4))
    else:
        row[column] = _pick(generator, [other["gallery_id"] for other in tables["gallery"]])

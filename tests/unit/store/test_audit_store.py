"""The audit log in the database: what is written stays, as it was written."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from gallery.errors import DatabaseError, IntegrityError
from gallery.store import Action, AuditEvent, AuditStore, Database, open_database

SEARCH = AuditEvent(
    Action.SEARCH,
    token_id="00112233aabbccdd",
    token_name="kiosk",
    gallery_id=bytes(range(16)),
    gallery="staff",
    probes=3,
    request_id="3f1c",
    time=1_800_000_000_000_001,
)
DENIED = AuditEvent(Action.DENIED, result="AccessDeniedError", time=1_800_000_000_000_002)


@pytest.fixture
def log(opened: Database) -> AuditStore:
    return AuditStore(opened)


def test_events_are_read_back_equal_in_the_order_of_their_times(log: AuditStore) -> None:
    log.append([DENIED])
    log.append([SEARCH])

    assert list(log.read()) == [SEARCH, DENIED]


def test_an_event_has_the_time_at_which_it_was_made() -> None:
    before = time.time_ns() // 1_000
    event = AuditEvent(Action.READ)

    assert before <= event.time <= time.time_ns() // 1_000


def test_a_long_log_is_read_whole_and_once(log: AuditStore) -> None:
    # Many at the same microsecond, so that the pages in which they are read end amidst them.
    events = [
        AuditEvent(Action.READ, blocks=number, time=SEARCH.time + number // 700)
        for number in range(2_500)
    ]
    log.append(events)

    assert list(log.read()) == events


def test_events_can_be_asked_for_by_time_and_gallery(log: AuditStore) -> None:
    later = AuditEvent(Action.WRITE, gallery="visitors", blocks=1, time=DENIED.time + 1)
    log.append([SEARCH, DENIED, later])

    assert list(log.read(since=DENIED.time)) == [DENIED, later]
    assert list(log.read(since=later.time + 1)) == []
    assert list(log.read(gallery="staff")) == [SEARCH]
    assert list(log.read(since=DENIED.time, gallery="staff")) == []


def test_no_transaction_is_open_while_events_are_looked_at(log: AuditStore) -> None:
    log.append([AuditEvent(Action.READ, time=SEARCH.time)] * 1_001)
    events = log.read()
    next(events)

    log.append([AuditEvent(Action.PURGE, time=SEARCH.time + 1)])

    assert [event.action for event in events][-1] is Action.PURGE


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("x" * 5_000, "x" * 200),
        ("a\x00b", "a\ufffdb"),
        ("\x1b[2Jgone", "\ufffd[2Jgone"),
        ("two\nlines", "two\ufffdlines"),
        ("half a \ud800 pair", "half a \ufffd pair"),
    ],
)
def test_no_name_that_a_client_sends_keeps_an_event_from_being_recorded(
    log: AuditStore, sent: str, stored: str
) -> None:
    log.append([AuditEvent(Action.DENIED, gallery=sent, request_id=sent, result=sent)])

    (event,) = log.read()
    assert event.gallery == stored
    assert event.request_id == event.result == stored[:64]


def test_events_are_written_together_or_not_at_all(log: AuditStore) -> None:
    with pytest.raises(DatabaseError):
        log.append([SEARCH, replace(DENIED, time=None)])  # type: ignore[arg-type]

    assert list(log.read()) == []


CHANGES = [
    "UPDATE audit SET token_name = 'nobody'",
    "DELETE FROM audit",
    "DELETE FROM audit WHERE event_id = 1",
]


@pytest.mark.parametrize("change", CHANGES)
def test_events_can_neither_be_changed_nor_deleted(
    log: AuditStore, opened: Database, change: str
) -> None:
    log.append([SEARCH])

    with pytest.raises(DatabaseError, match="append-only"), opened.writing() as connection:
        connection.execute(text(change))

    assert list(log.read()) == [SEARCH]


def test_events_cannot_be_truncated_on_postgresql(postgresql: str) -> None:
    with open_database(postgresql, create=True) as opened:
        log = AuditStore(opened)
        log.append([SEARCH])

        with pytest.raises(DatabaseError, match="append-only"), opened.writing() as connection:
            connection.execute(text("TRUNCATE audit"))

        assert list(log.read()) == [SEARCH]


@pytest.fixture
def sqlite_log(database: str, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A plain connection to a log with one event."""
    with open_database(database, create=True) as opened:
        AuditStore(opened).append([SEARCH])
    with closing(sqlite3.connect(tmp_path / "gallery.db")) as connection:
        yield connection


def test_events_cannot_be_replaced_on_sqlite(sqlite_log: sqlite3.Connection) -> None:
    (row,) = sqlite_log.execute("SELECT * FROM audit").fetchall()
    marks = ", ".join("?" * len(row))

    for verb in ("REPLACE", "INSERT OR REPLACE"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            sqlite_log.execute(f"{verb} INTO audit VALUES ({marks})", row)

    assert sqlite_log.execute("SELECT * FROM audit").fetchall() == [row]


def test_an_action_that_there_is_not_is_no_action(
    sqlite_log: sqlite3.Connection, database: str
) -> None:
    sqlite_log.execute(
        "INSERT INTO audit (time, action, probes, blocks, result, request_id)"
        " VALUES (1, 'forget', 0, 0, 'ok', '')"
    )
    sqlite_log.commit()

    with open_database(database) as opened:
        with pytest.raises(IntegrityError, match="'forget'"):
            list(AuditStore(opened).read())


def test_a_value_of_another_type_is_noticed(sqlite_log: sqlite3.Connection, database: str) -> None:
    sqlite_log.execute(
        "INSERT INTO audit (time, token_id, action, probes, blocks, result, request_id)"
        " VALUES (1, zeroblob(8), 'read', 0, 0, 'ok', '')"
    )
    sqlite_log.commit()

    with open_database(database) as opened:
        with pytest.raises(IntegrityError, match="bytes where str belongs"):
            list(AuditStore(opened).read())

"""Denials: the first of a kind is recorded at once, and the rest of a minute in one row."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from gallery.errors import DatabaseError
from gallery.server.audit_log import Action, AuditEvent, AuditLog
from gallery.server.denial_log import KINDS, DenialLog
from gallery.store import AuditStore, open_database

SECONDS = 60.0
"""How long to wait for what takes milliseconds, before a test fails instead of hanging."""


@pytest.fixture
def store(database: str) -> Iterator[AuditStore]:
    with open_database(database, create=True) as opened:
        yield AuditStore(opened)


def denial(token: str = "a", request: str = "") -> AuditEvent:
    return AuditEvent(Action.DENIED, token, f"token {token}", request_id=request)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_denial_is_in_the_log_before_it_is_answered(store: AuditStore) -> None:
    with AuditLog(store) as log, DenialLog(log) as denials:
        event = denial()
        denials.record(event).result(SECONDS)

        assert list(store.read()) == [event]


def test_those_that_follow_are_counted_in_one_row(store: AuditStore) -> None:
    with AuditLog(store) as log, DenialLog(log) as denials, ThreadPoolExecutor(8) as threads:
        denials.record(denial()).result(SECONDS)
        for future in threads.map(lambda _: denials.record(denial(request="last")), range(5_000)):
            future.result(SECONDS)
        assert len(list(store.read())) == 1

        denials.close()
        first, counted = store.read()

    assert (first.count, counted.count) == (1, 5_000)
    assert counted.request_id == "last"
    assert first.time <= counted.time


def test_a_count_is_recorded_when_its_time_is_over_and_the_next_begins(store: AuditStore) -> None:
    with AuditLog(store) as log, DenialLog(log, seconds=0.2) as denials:
        denials.record(denial()).result(SECONDS)
        denials.record(denial()).result(SECONDS)
        until(lambda: len(list(store.read())) == 2)
        denials.record(denial()).result(SECONDS)
        denials.close()

    assert sum(event.count for event in store.read()) == 3


def test_tokens_and_kinds_are_counted_apart_up_to_a_number_of_kinds(store: AuditStore) -> None:
    with AuditLog(store) as log, DenialLog(log) as denials:
        for token in ("a", "b"):
            for number in range(1_000):
                denials.record(denial(token), f"kind {number}").result(SECONDS)

    rows = Counter(event.token_id for event in store.read())
    assert set(rows) == {"a", "b"}
    assert max(rows.values()) <= KINDS + 2
    assert sum(event.count for event in store.read()) == 2_000


def test_a_denial_that_cannot_be_recorded_is_not_taken_for_recorded(
    store: AuditStore, database: str
) -> None:
    with AuditLog(store) as log, DenialLog(log) as denials:
        with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as connection:
            connection.execute("ALTER TABLE audit RENAME TO elsewhere")
            for _ in range(2):
                with pytest.raises(DatabaseError, match="no such table"):
                    denials.record(denial()).result(SECONDS)
            connection.execute("ALTER TABLE elsewhere RENAME TO audit")
        denials.record(denial()).result(SECONDS)

    assert len(list(store.read())) == 1

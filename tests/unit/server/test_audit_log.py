"""Recording events: many threads, one writer, and nothing that gets lost in silence."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing

import pytest

from gallery.errors import DatabaseError, ServerBusyError
from gallery.server.audit_log import Action, AuditEvent, AuditLog
from gallery.store import AuditStore, open_database

SECONDS = 60.0
"""How long to wait for what takes milliseconds, before a test fails instead of hanging."""


@pytest.fixture
def store(database: str) -> Iterator[AuditStore]:
    with open_database(database, create=True) as opened:
        yield AuditStore(opened)


class Gated:
    """A real store whose writer stands still until it is let go, so that events pile up."""

    def __init__(self, store: AuditStore) -> None:
        self._store = store
        self.reached, self.opened = threading.Event(), threading.Event()
        self.sizes: list[int] = []

    def append(self, events: Sequence[AuditEvent]) -> None:
        self.reached.set()
        assert self.opened.wait(SECONDS)
        self.sizes.append(len(events))
        self._store.append(events)


def numbered(count: int) -> list[AuditEvent]:
    return [AuditEvent(Action.SEARCH, probes=number, time=number) for number in range(count)]


def test_an_event_is_in_the_database_when_its_future_is_done(store: AuditStore) -> None:
    event = AuditEvent(Action.WRITE, gallery="staff", blocks=2)

    with AuditLog(store) as log:
        log.record(event).result(SECONDS)

        assert list(store.read()) == [event]


def test_events_of_many_threads_are_all_written(store: AuditStore) -> None:
    events = numbered(400)

    with AuditLog(store) as log, ThreadPoolExecutor(8) as threads:
        wait(list(threads.map(log.record, events)), SECONDS)

    assert list(store.read()) == events


def test_events_that_come_during_a_commit_share_the_next_one(store: AuditStore) -> None:
    gated = Gated(store)
    events = numbered(400)

    with AuditLog(gated) as log:  # type: ignore[arg-type]
        log.record(events[0])
        assert gated.reached.wait(SECONDS)
        for event in events[1:]:
            log.record(event)
        gated.opened.set()

    assert gated.sizes == [1, 256, 143]
    assert list(store.read()) == events


def test_events_that_too_many_wait_before_are_refused_and_not_lost_in_silence(
    store: AuditStore,
) -> None:
    gated = Gated(store)

    with AuditLog(gated) as log:  # type: ignore[arg-type]
        futures = [log.record(event) for event in numbered(1)]
        assert gated.reached.wait(SECONDS)
        futures += [log.record(event) for event in numbered(1_100)]
        refused = [future for future in futures if future.done()]
        gated.opened.set()
        wait(futures, SECONDS)

    assert refused
    for future in refused:
        with pytest.raises(ServerBusyError):
            future.result()
    assert len(list(store.read())) == len(futures) - len(refused)


def test_closing_writes_what_waits_and_refuses_what_comes_after(store: AuditStore) -> None:
    events = numbered(50)
    log = AuditLog(store)
    for event in events:
        log.record(event)

    log.close()
    log.close()

    assert list(store.read()) == events
    with pytest.raises(ServerBusyError, match="shutting down"):
        log.record(events[0]).result(SECONDS)
    assert list(store.read()) == events


def test_an_event_whose_client_has_hung_up_is_written_too(store: AuditStore) -> None:
    gated = Gated(store)
    first, second = numbered(2)

    with AuditLog(gated) as log:  # type: ignore[arg-type]
        log.record(first)
        assert gated.reached.wait(SECONDS)
        assert not log.record(second).cancel()
        gated.opened.set()

    assert list(store.read()) == [first, second]


def test_a_log_that_cannot_be_written_says_so_and_goes_on_when_it_can(
    store: AuditStore, database: str
) -> None:
    first, second = numbered(2)

    with AuditLog(store) as log:
        with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as connection:
            connection.execute("ALTER TABLE audit RENAME TO elsewhere")
            with pytest.raises(DatabaseError, match="no such table"):
                log.record(first).result(SECONDS)
            connection.execute("ALTER TABLE elsewhere RENAME TO audit")
        log.record(second).result(SECONDS)

    assert list(store.read()) == [second]


def test_a_mistake_in_an_event_fails_that_event_and_not_the_log(store: AuditStore) -> None:
    with AuditLog(store) as log:
        with pytest.raises(DatabaseError, match="AttributeError"):
            log.record(AuditEvent("search")).result(SECONDS)  # type: ignore[arg-type]
        log.record(numbered(1)[0]).result(SECONDS)

    assert list(store.read()) == numbered(1)

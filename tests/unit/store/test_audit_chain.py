"""The chain of the audit log: what is changed, missing or put in between shows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, text

from gallery.errors import DatabaseError
from gallery.store import Action, AuditEvent, AuditStore, Database, audit_store, open_database

SERIALIZABLE = """
DO $$ BEGIN EXECUTE format(
    'ALTER DATABASE %I SET default_transaction_isolation = serializable', current_database()
); END $$"""

FIRST = 1_600_000_000_000_000


def events(count: int = 10) -> list[AuditEvent]:
    return [AuditEvent(Action.SEARCH, gallery="staff", time=FIRST + i) for i in range(count)]


@pytest.fixture
def log(opened: Database) -> AuditStore:
    found = AuditStore(opened)
    found.append(events())
    return found


def tamper(opened: Database, statement: str) -> None:
    """Change the log as its table's owner can."""
    with opened.writing() as connection:
        if connection.dialect.name == "sqlite":
            triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            for name in connection.execute(text(triggers)).scalars().all():
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(text("ALTER TABLE audit DISABLE TRIGGER ALL"))
        connection.execute(text(statement))


def test_a_log_that_nobody_changed_is_whole(log: AuditStore, opened: Database) -> None:
    log.append([AuditEvent(Action.DENIED, "00112233aabbccdd", "kiosk", bytes(16), count=70)])

    found = log.check()

    assert found.is_whole
    assert (found.rows, found.pruned, found.gaps) == (11, 0, ())
    assert log.check(found.head).holds_noted
    assert AuditStore(opened).check().head == found.head


INSERTED = (
    "INSERT INTO audit (event_id, time, action, probes, blocks, result, request_id)"
    " VALUES (100, 1, 'read', 0, 0, 'ok', '')"
)


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("DELETE FROM audit WHERE event_id = 1", 2),
        ("DELETE FROM audit WHERE event_id BETWEEN 4 AND 6", 7),
        ("UPDATE audit SET gallery = 'guests' WHERE event_id = 5", 5),
        ("UPDATE audit SET token_name = '' WHERE event_id = 5", 5),
        ("UPDATE audit SET time = time + 1 WHERE event_id = 5", 5),
        ("UPDATE audit SET count = 2 WHERE event_id = 5", 5),
        ("UPDATE audit SET digest = NULL WHERE event_id = 10", 10),
        ("UPDATE audit SET event_id = 50 WHERE event_id = 5", 6),
        (INSERTED, 100),
    ],
)
def test_a_gap_shows(log: AuditStore, opened: Database, statement: str, number: int) -> None:
    tamper(opened, statement)

    found = log.check()

    assert not found.is_whole
    assert number in [gap.event_id for gap in found.gaps]
    assert len(found.gaps) <= 3


def test_rows_that_are_missing_at_the_end_show_by_a_digest_that_was_noted(
    log: AuditStore, opened: Database
) -> None:
    noted = log.check().head
    tamper(opened, "DELETE FROM audit WHERE event_id > 8")

    assert log.check().is_whole
    found = log.check(noted)
    assert not found.is_whole
    assert found.holds_noted is False


def test_old_events_are_pruned_and_that_is_recorded(log: AuditStore) -> None:
    assert log.prune(FIRST + 6) == 6

    *kept, pruned = log.read()
    assert kept == events()[6:]
    assert (pruned.action, pruned.count, pruned.token_id) == (Action.PRUNE, 6, None)
    found = log.check()
    assert found.is_whole
    assert (found.rows, found.pruned) == (5, 6)


def test_nothing_is_recorded_where_nothing_is_old_enough(log: AuditStore) -> None:
    assert log.prune(FIRST) == 0
    assert list(log.read()) == events()


def test_a_log_can_be_pruned_whole_and_again(log: AuditStore) -> None:
    noted = log.check().head
    assert log.prune(2 * FIRST) == 10
    assert log.check(noted).is_whole
    assert log.prune(2 * FIRST) == 1
    log.append(events(3))

    found = log.check()
    assert found.is_whole
    assert found.rows == 4


def test_only_the_oldest_rows_go_so_that_the_rest_stays_chained(log: AuditStore) -> None:
    # Two processes whose clocks differ.
    log.append([AuditEvent(Action.SEARCH, time=FIRST - 1)])

    assert log.prune(FIRST + 1) == 1
    assert len(list(log.read())) == 11
    assert log.check().is_whole


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM audit WHERE event_id = 7", "UPDATE audit SET blocks = 9 WHERE event_id = 7"],
)
def test_a_gap_shows_after_rows_were_pruned(
    log: AuditStore, opened: Database, statement: str
) -> None:
    log.prune(FIRST + 6)
    tamper(opened, statement)

    assert not log.check().is_whole


def test_the_triggers_are_back_after_rows_were_pruned(log: AuditStore, opened: Database) -> None:
    log.prune(FIRST + 6)

    for change in ("DELETE FROM audit", "UPDATE audit SET gallery = 'x'"):
        with pytest.raises(DatabaseError, match="append-only"), opened.writing() as connection:
            connection.execute(text(change))


def test_a_prune_that_fails_changes_nothing(log: AuditStore, opened: Database) -> None:
    with opened.writing() as connection:
        if connection.dialect.name == "sqlite":
            refusal = "BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'no'); END"
            connection.execute(text(f"CREATE TRIGGER another {refusal}"))
        else:
            connection.execute(text("ALTER TABLE erasure RENAME TO gone"))

    with pytest.raises(DatabaseError):
        log.prune(FIRST + 6)

    assert list(log.read()) == events()
    assert log.check().is_whole


def test_processes_that_write_at_once_make_one_chain(empty_database: str) -> None:
    with open_database(empty_database, create=True) as opened:
        if opened.engine.dialect.name == "postgresql":
            # A lock would show nothing newer than the transaction that waited for it began with.
            with opened.writing() as connection:
                connection.execute(text(SERIALIZABLE))

    def write(process: int) -> None:
        with open_database(empty_database) as opened:
            for number in range(20):
                AuditStore(opened).append([AuditEvent(Action.READ, probes=process, blocks=number)])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))

    with open_database(empty_database) as opened:
        found = AuditStore(opened).check()
    assert found.is_whole
    assert found.rows == 80


def test_a_check_goes_on_while_events_are_pruned(
    opened: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_store, "_PAGE_SIZE", 4)
    log = AuditStore(opened)
    log.append(events())
    reads: list[object] = []

    def prune_after_a_page(*connection: object) -> None:
        reads.append(connection)
        if len(reads) == 2:  # the first read was of where the chain begins
            log.prune(FIRST + 8)

    event.listen(opened.engine, "checkin", prune_after_a_page)

    found = log.check()

    assert found.is_whole
    assert (found.rows, found.pruned) == (4 + 2 + 1, 8)

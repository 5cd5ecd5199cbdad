"""The store of the audit log: rows are added, read, and pruned by age; none is ever changed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, or_, select, text

from gallery.errors import IntegrityError
from gallery.messages.naming import MAX_NAME
from gallery.store.audit_chain import BEGINNING, AuditCheck, AuditGap, chained, row_digest
from gallery.store.database import Database
from gallery.store.purging import mark_erased
from gallery.store.tables import MAX_TOKEN_NAME, MAX_WORD, audit_table

_PAGE_SIZE = 1_000
"""Rows that are read in one transaction."""

_MOST_GAPS = 100

_CHAIN_LOCK = 0x6761_6C6C_6175
"""PostgreSQL's advisory lock of whoever adds to the chain."""


class Action(StrEnum):
    """Kinds of actions that the audit log records."""

    CREATE = "create"
    WRITE = "write"
    SEARCH = "search"
    READ = "read"
    DELETE = "delete"
    REPLACE = "replace"
    RESTORE = "restore"
    PURGE = "purge"
    DENIED = "denied"
    PRUNE = "prune"


def now() -> int:
    """Return the time in microseconds since 1970 UTC."""
    return time.time_ns() // 1_000


@dataclass(frozen=True)
class AuditEvent:
    """One row of the audit log; nothing of it is biometric, and it holds no address of a client.

    Attributes
    ----------
    action
        What was done.
    token_id, token_name
        The token that it was done with; None for the operator, and where no token was admitted.
    gallery_id, gallery
        Identifier, 16 bytes, and name of the gallery, or None if there is none, or none is known.
    probes
        Probes of a search.
    blocks
        Blocks that were written or read.
    result
        ``ok``, or the name of the error's class.
    request_id
        Identifier of the request, given by its sender or the server.
    time
        Microseconds since 1970 UTC; by default now.
    count
        How often it happened: repeated denials of one token share a row. Of a ``prune`` event, how
        many rows it removed.
    boundary
        Of a ``prune`` event, the digest of the last row that it removed, 32 bytes.
    """

    action: Action
    token_id: str | None = None
    token_name: str | None = None
    gallery_id: bytes | None = None
    gallery: str | None = None
    probes: int = 0
    blocks: int = 0
    result: str = "ok"
    request_id: str = ""
    time: int = field(default_factory=now)
    count: int = 1
    boundary: bytes | None = None


class AuditStore:
    """The audit log of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, events: Sequence[AuditEvent]) -> None:
        """Add events in one transaction, each chained to the one before it.

        Text may come from a client: text that is too long for its column is cut, and characters
        that cannot be printed are replaced, so that no request can do anything unrecorded, or draw
        on the terminal of a person who reads the log.
        """
        with self._database.writing() as connection:
            _add(connection, events)

    def read(self, since: int | None = None, gallery: str | None = None) -> Iterator[AuditEvent]:
        """Yield events in the order of their times.

        They are read in transactions of a thousand each: a transaction that stays open as long as a
        person scrolls would keep SQLite from cutting off its log, and so an erasure from being
        finished.

        Parameters
        ----------
        since
            Time of the first event, microseconds since 1970 UTC; None for all.
        gallery
            Only events of the gallery of this name.
        """
        query = select(audit_table).order_by(audit_table.c.time, audit_table.c.event_id)
        if gallery is not None:
            query = query.where(audit_table.c.gallery == gallery)
        page = query if since is None else query.where(audit_table.c.time >= since)
        while rows := self._rows(page.limit(_PAGE_SIZE)):
            yield from map(_event, rows)
            last = rows[-1]
            beyond = or_(audit_table.c.time > last.time, audit_table.c.event_id > last.event_id)
            page = query.where(audit_table.c.time >= last.time, beyond)

    def prune(self, before: int) -> int:
        """Remove the oldest events, and record that; return how many rows went.

        Rows go from the beginning of the chain: up to the first that is not old enough.

        Parameters
        ----------
        before
            Events stay from this time on; microseconds since 1970 UTC.

        Raises
        ------
        DatabaseError
            If the database's user does not own the table.
        ErasurePendingError
            If traces of the rows are left in the database's files.
        """
        with self._database.writing() as connection:
            _lock_chain(connection)
            young = select(audit_table.c.event_id).where(audit_table.c.time >= before)
            first = connection.execute(young.order_by(audit_table.c.event_id).limit(1)).scalar()
            rows = select(audit_table.c.event_id, audit_table.c.digest)
            if first is not None:
                rows = rows.where(audit_table.c.event_id < first)
            last = connection.execute(rows.order_by(audit_table.c.event_id.desc()).limit(1)).first()
            if last is None:
                return 0
            old = audit_table.c.event_id <= last.event_id
            count = connection.execute(select(func.count()).where(old)).scalar() or 0
            boundary = last.digest or BEGINNING
            # The rows that stay are chained to the last one that goes.
            _add(connection, [AuditEvent(Action.PRUNE, count=count, boundary=boundary)])
            with _deletions(connection):
                connection.execute(delete(audit_table).where(old))
            mark_erased(connection)
        self._database.purge()
        return count

    def check(self, noted: bytes | None = None) -> AuditCheck:
        """Check that no row is missing and none was changed.

        Rows at the end of the log can be missing without a gap. So the head that a check returns
        can be noted elsewhere, and given to a later one.

        Parameters
        ----------
        noted
            Digest of a row that must be there, 32 bytes, or pruned at last.
        """
        rows = pruned = 0
        gaps: list[AuditGap] = []
        previous, holds = self._boundary(), noted in (None, BEGINNING)
        query = select(audit_table).order_by(audit_table.c.event_id).limit(_PAGE_SIZE)
        page = query
        while found := self._rows(page):
            for number, row in enumerate(found):
                follows = row.digest == row_digest(previous, row._asdict())
                if not follows and number == 0:
                    # Rows before this page may have been pruned by now.
                    follows = row.digest == row_digest(self._boundary(), row._asdict())
                if not follows and len(gaps) < _MOST_GAPS:
                    gaps.append(AuditGap(row.event_id, row.time))
                previous = row.digest or BEGINNING
                holds = holds or noted in (previous, row.boundary)
                pruned += _count(row) if row.action == Action.PRUNE else 0
            rows += len(found)
            page = query.where(audit_table.c.event_id > found[-1].event_id)
        return AuditCheck(rows, pruned, tuple(gaps), previous, None if noted is None else holds)

    def _boundary(self) -> bytes:
        """Return the digest that the oldest row is chained to."""
        pruned = select(audit_table.c.boundary).where(audit_table.c.action == Action.PRUNE.value)
        with self._database.reading() as connection:
            newest = pruned.order_by(audit_table.c.event_id.desc()).limit(1)
            return connection.execute(newest).scalar() or BEGINNING

    def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        with self._database.reading() as connection:
            return connection.execute(query).all()


def _add(connection: Connection, events: Sequence[AuditEvent]) -> None:
    values = [_values(event) for event in events]
    _lock_chain(connection)
    newest = select(audit_table.c.digest).order_by(audit_table.c.event_id.desc()).limit(1)
    previous = connection.execute(newest).scalar() or BEGINNING
    connection.execute(insert(audit_table), chained(previous, values))


def _lock_chain(connection: Connection) -> None:
    """Keep other processes from adding until the transaction ends; on SQLite it does so itself."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_CHAIN_LOCK)))


@contextmanager
def _deletions(connection: Connection) -> Iterator[None]:
    """Let rows be deleted in this transaction: for all others the triggers stay as they are."""
    if connection.dialect.name == "sqlite":
        query = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = 'audit_no_delete'"
        trigger = connection.execute(text(query)).scalar()
        if trigger is None:
            yield
            return
        connection.execute(text("DROP TRIGGER audit_no_delete"))
        yield
        connection.exec_driver_sql(trigger)
    elif connection.dialect.name == "postgresql":
        connection.execute(text("ALTER TABLE audit DISABLE TRIGGER audit_append_only"))
        yield
        connection.execute(text("ALTER TABLE audit ENABLE TRIGGER audit_append_only"))
    else:
        yield


def _values(event: AuditEvent) -> dict[str, object]:
    return {
        "time": event.time,
        "token_id": event.token_id,
        "token_name": _fitted(event.token_name, MAX_TOKEN_NAME),
        "action": event.action.value,
        "gallery_id": event.gallery_id,
        "gallery": _fitted(event.gallery, MAX_NAME),
        "probes": event.probes,
        "blocks": event.blocks,
        "result": _fitted(event.result, MAX_WORD),
        "request_id": _fitted(event.request_id, MAX_WORD),
        "count": event.count,
        "boundary": event.boundary,
    }


def _fitted(text: str | None, size: int) -> str | None:
    """Return text as a column takes it: printable, and of at most so many characters."""
    if text is None:
        return None
    return "".join(char if char.isprintable() else "\ufffd" for char in text[:size])


def _count(row: Row[Any]) -> int:
    found: int = row._mapping["count"]  # a row has a method of this name
    return found


def _event(row: Row[Any]) -> AuditEvent:
    if row.action not in list(Action):
        raise IntegrityError(f"the audit log holds an action that there is not, {row.action!r}")
    return AuditEvent(
        Action(row.action),
        row.token_id,
        row.token_name,
        row.gallery_id,
        row.gallery,
        row.probes,
        row.blocks,
        row.result,
        row.request_id,
        row.time,
        _count(row),
        row.boundary,
    )

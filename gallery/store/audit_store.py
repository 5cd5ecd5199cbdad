"""The store of the audit log: rows are added and read, never changed or deleted."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, Select, insert, or_, select

from gallery.errors import IntegrityError
from gallery.messages.naming import MAX_NAME
from gallery.store.database import Database
from gallery.store.tables import MAX_TOKEN_NAME, MAX_WORD, AuditRow

_PAGE_SIZE = 1_000
"""Rows that are read in one transaction."""


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


class AuditStore:
    """The audit log of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, events: Sequence[AuditEvent]) -> None:
        """Add events in one transaction.

        Text may come from a client: text that is too long for its column is cut, and characters
        that cannot be printed are replaced, so that no request can do anything unrecorded, or draw
        on the terminal of a person who reads the log.
        """
        with self._database.writing() as connection:
            connection.execute(insert(AuditRow), [_values(event) for event in events])

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
        query = select(AuditRow.__table__).order_by(AuditRow.time, AuditRow.event_id)
        if gallery is not None:
            query = query.where(AuditRow.gallery == gallery)
        page = query if since is None else query.where(AuditRow.time >= since)
        while rows := self._rows(page.limit(_PAGE_SIZE)):
            yield from map(_event, rows)
            last = rows[-1]
            beyond = or_(AuditRow.time > last.time, AuditRow.event_id > last.event_id)
            page = query.where(AuditRow.time >= last.time, beyond)

    def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        with self._database.reading() as connection:
            return connection.execute(query).all()


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
    }


def _fitted(text: str | None, size: int) -> str | None:
    """Return text as a column takes it: printable, and of at most so many characters."""
    if text is None:
        return None
    return "".join(char if char.isprintable() else "\ufffd" for char in text[:size])


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
    )

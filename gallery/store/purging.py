"""Purges: traces of replaced and erased rows leave the database's files, one purge at a time.

On PostgreSQL, where a purge is expensive, each write that replaces or erases something counts up
``erased``, as its last statement, and a purge sets ``purged`` to the count that it found before it
began. So it is known where a purge has nothing to do, also after a crash and in another process.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from gallery.errors import ErasurePendingError
from gallery.store.tables import erasure_table

_LOCK_WAITS_S = (1, 2, 4, 8, 16)
"""Seconds that a full vacuum of PostgreSQL waits for a table, one attempt after the other.

While it waits, all later transactions wait behind it: also those that are needed to end a search
which the vacuum waits for, such as those of a cluster's workers, or of the thread that takes turns
with another gallery. The database cannot see such a circle, so that only giving up for a while ends
it."""

_LOCK_NOT_AVAILABLE = "55P03"
_TABLES = ("gallery", "block", "reference")

_PURGE_LOCK = 0x6761_6C6C_7075
"""PostgreSQL's advisory lock of the process that purges."""

_POLL_S = 0.1

LONGEST_REST_S = 10.0
"""The most seconds between two purges that are asked for without a pause."""

_PAGES_AT_A_TIME = 2_048
"""Pages of SQLite's, of 4 KiB each, that are given back in one transaction."""

_INCREMENTAL = 2
_LEAST_FREE_PAGES = 256
"""Free pages for which an older SQLite database is written anew, if they are a quarter of it."""


def mark_erased(connection: Connection) -> None:
    """Count a write that replaced or erased something; its transaction does nothing after it.

    Such transactions end one after the other from here on. So a reader of the count knows that all
    that it counts is committed. SQLite can tell by its log whether there is anything to purge.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            "INSERT INTO erasure (erasure_id, erased, purged) VALUES (1, 2, 0) "
            "ON CONFLICT (erasure_id) DO UPDATE SET erased = erasure.erased + 1"
        )


class PurgeQueue:
    """Purges of one process: at most one runs and one waits, which all later callers join.

    A purge of a large database locks others out while it lasts. So between two there is as much
    time as the first one took, within bounds: a client that erases without pause takes half of it.

    Parameters
    ----------
    purge
        Purges the database.
    """

    def __init__(self, purge: Callable[[], None]) -> None:
        self._purge = purge
        self._next_at = 0.0
        self._lock, self._running = threading.Lock(), threading.Lock()
        self._next: Future[None] | None = None

    @property
    def is_awaited(self) -> bool:
        """Whether a purge is to come that has not begun."""
        return self._next is not None

    def run(self) -> None:
        """Return when a purge that began after this call has ended; raise what it raised."""
        with self._lock:
            joined = self._next
            if joined is None:
                mine: Future[None] = Future()
                self._next = mine
        if joined is not None:
            joined.result()
            return
        with self._running:
            time.sleep(max(0.0, self._next_at - time.monotonic()))
            with self._lock:
                self._next = None
            begun = time.monotonic()
            try:
                self._purge()
            except BaseException as error:
                mine.set_exception(error)
                raise
            ended = time.monotonic()
            self._next_at = ended + min(ended - begun, LONGEST_REST_S)
            mine.set_result(None)


def purge(connection: Connection) -> bool:
    """Purge a database if anything was erased since the last time; return whether it is purged now.

    Parameters
    ----------
    connection
        One without a transaction, each of whose statements is committed by itself.
    """
    purges = {"sqlite": _purge_sqlite, "postgresql": _purge_postgresql}
    dialect = connection.dialect.name
    return dialect not in purges or purges[dialect](connection)


# --- SQLite ---------------------------------------------------------------------------------------


def _purge_sqlite(connection: Connection) -> bool:
    """Give free pages back, write the log back and cut it off; return whether that was possible.

    Freed pages were overwritten when they were freed (``secure_delete``), but their old content
    stays in the write-ahead log until then.
    """
    # A full disk, or a writer that takes long; a cursor of the driver's own raises its own error.
    with suppress(OperationalError, sqlite3.OperationalError):
        _give_back(connection)
    return not connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar()


def _give_back(connection: Connection) -> None:
    """Make an SQLite file as small as its content, if that pays."""
    free, pages, mode = (
        int(connection.exec_driver_sql(f"PRAGMA {name}").scalar() or 0)
        for name in ("freelist_count", "page_count", "auto_vacuum")
    )
    if mode == _INCREMENTAL:
        cursor = connection.connection.cursor()
        for _ in range(0, free, _PAGES_AT_A_TIME):
            # Each page is a step of the statement, and Python's driver takes one of others.
            cursor.executescript(f"PRAGMA incremental_vacuum({_PAGES_AT_A_TIME})")
        cursor.close()
    elif free >= _LEAST_FREE_PAGES and 4 * free >= pages:
        # It was made by an older version. From now on its pages are given back like those above.
        connection.exec_driver_sql("PRAGMA auto_vacuum = INCREMENTAL")
        connection.exec_driver_sql("VACUUM")


# --- PostgreSQL -----------------------------------------------------------------------------------


def _purge_postgresql(connection: Connection) -> bool:
    """Have PostgreSQL write its tables anew; return whether that was possible.

    Dead rows are kept until a full vacuum does so.
    """
    erased, purged = _counts(connection)
    if erased == purged:
        return True
    connection.detach()  # its settings and its lock are not for the connection's next user
    # Not by waiting for the lock: a statement that waits keeps dead rows from being dropped.
    while not connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({_PURGE_LOCK})").scalar():
        time.sleep(_POLL_S)
    erased, purged = _counts(connection)
    if erased == purged:
        return True
    readers = _transactions(connection)
    for seconds in _LOCK_WAITS_S:
        if not _have_ended(connection, readers, seconds) or not _vacuum(connection, seconds):
            continue
        connection.exec_driver_sql("CHECKPOINT")
        connection.execute(
            text(
                "INSERT INTO erasure (erasure_id, erased, purged) VALUES (1, :count, :count) "
                "ON CONFLICT (erasure_id) DO UPDATE SET purged = greatest(erasure.purged, :count)"
            ),
            {"count": erased},
        )
        return True
    return False


def _vacuum(connection: Connection, seconds: int) -> bool:
    """Write the tables anew; return False if a lock could not be had within some seconds."""
    connection.exec_driver_sql(f"SET lock_timeout = '{seconds}s'")
    files = _files(connection)
    try:
        connection.exec_driver_sql(f"VACUUM (FULL) {', '.join(_TABLES)}")
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        time.sleep(seconds / 2)  # for the transactions that wait behind it
        return False
    if files & _files(connection):
        # PostgreSQL passes over them with a warning.
        raise ErasurePendingError(
            "erased from the tables, but traces remain in their files: the database's user does "
            "not own the tables, and so cannot have them written anew"
        )
    return True


def _files(connection: Connection) -> set[int]:
    names = ", ".join(f"pg_relation_filenode('{name}')" for name in _TABLES)
    return set(connection.exec_driver_sql(f"SELECT {names}").one())


def _transactions(connection: Connection) -> set[str]:
    """Return the transactions of others in this database.

    A full vacuum keeps the dead rows that one of them could still see, whichever tables it reads.
    """
    query = (
        "SELECT virtualxid FROM pg_locks JOIN pg_stat_activity USING (pid) "
        "WHERE locktype = 'virtualxid' AND pid <> pg_backend_pid() AND granted "
        "AND datname = current_database()"
    )
    return set(connection.exec_driver_sql(query).scalars())


def _have_ended(connection: Connection, transactions: set[str], seconds: float) -> bool:
    """Wait for transactions to end; return whether they have, within some seconds."""
    deadline = time.monotonic() + seconds
    while transactions & _transactions(connection):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _counts(connection: Connection) -> tuple[int, int]:
    row = connection.execute(select(erasure_table.c.erased, erasure_table.c.purged)).one_or_none()
    return (1, 0) if row is None else (row.erased, row.purged)

"""The database: its engine and settings, its transactions, and the check of its schema."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import (
    ArgumentError,
    NoSuchModuleError,
    SQLAlchemyError,
)
from sqlalchemy.pool import ConnectionPoolEntry

from gallery.errors import DatabaseError, ErasurePendingError, SchemaVersionError
from gallery.hints import Hint
from gallery.store.database_url import may_be_written, parse_url, secrets_of, sqlite_file
from gallery.store.plain_tables import check_plain
from gallery.store.purging import PurgeQueue, purge
from gallery.store.tables import SCHEMA_REVISION
from gallery.url_masking import MASK, masked_url

_BUSY_TIMEOUT_MS = 30_000
_SYNCHRONOUS = "for PostgreSQL write postgresql+psycopg://, for SQLite sqlite://"
_DRIVERS = dict.fromkeys(
    ("postgresql+psycopg2", "postgresql+pg8000"),
    "write postgresql+psycopg://, for the driver psycopg",
) | {
    "postgresql+psycopg": "install it with pip install 'encrypted-face-gallery[postgresql]'",
}
"""Advice about drivers that are not there, by the scheme of the URL."""

_BEGINS_WITH = "gallery_begins_with"
"""Execution option: the statement that begins a connection's transaction on SQLite, or ""."""


_EXPLANATIONS: dict[str, tuple[str, Hint | None]] = {
    "disk is full": (
        "nothing was changed; some space on its disk has to be freed",
        Hint.TRY_AGAIN,
    ),
    "disk I/O error": (
        "its disk is full or failing: SQLite needs some free space beside the file even to search; "
        "nothing was changed",
        None,
    ),
    "readonly database": (
        "you need write access to the file and its folder, also to search",
        Hint.SEARCH_READ_ONLY,
    ),
    "unable to open database file": (
        "check that you may read and write it and its folder, also to search",
        Hint.SEARCH_READ_ONLY,
    ),
    "database is locked": (
        "another process has been writing for half a minute",
        Hint.TRY_AGAIN,
    ),
}
"""Advice about SQLite's errors, by words of theirs."""


class Database:
    """An opened database; the same for every URL that SQLAlchemy knows.

    Parameters
    ----------
    url
        SQLAlchemy's database URL.
    create
        Whether a missing SQLite file may be created.
    connections
        Connections to keep; as many again may be made for a while.

    Raises
    ------
    DatabaseError
        If the URL names no database that can be opened.
    """

    def __init__(self, url: str, *, create: bool = False, connections: int = 5) -> None:
        self._url = parse_url(url)
        self.name = masked_url(url.strip())
        self._purges = PurgeQueue(self._purge)
        self._secrets = secrets_of(self._url)
        self._prepare_file(create)
        try:
            self.engine = create_engine(
                self._url,
                pool_size=connections,
                max_overflow=connections,
                # A database server that was started anew is noticed before a connection is used. A
                # file is not started anew, and has many short transactions.
                pool_pre_ping=self._url.get_backend_name() != "sqlite",
            )
        except (NoSuchModuleError, ImportError) as error:
            scheme = self._url.drivername
            advice = _DRIVERS.get(scheme, "its package must be installed and its name be right")
            raise DatabaseError(
                f"no driver for {self.name}: {self._scrubbed(str(error))}; {advice}"
            ) from error
        except (ArgumentError, TypeError, ValueError) as error:
            raise self._unusable(error) from error
        if self.engine.dialect.is_async:
            raise DatabaseError(
                f"the driver of {self.name} is one for asynchronous programs; {_SYNCHRONOUS}"
            )
        if self.engine.dialect.name == "sqlite":
            _configure_sqlite(self.engine)
            self._watch_file()

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection on which all reads see the same state of the database."""
        with self._connected() as connection:
            if self.engine.dialect.name == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection whose changes are committed at the end, or undone on an exception."""
        with self._connected() as connection:
            connection = connection.execution_options(**{_BEGINS_WITH: "BEGIN IMMEDIATE"})
            if self.engine.dialect.name == "postgresql":
                # Set in spite of the role's default: rows read after a lock must be the newest.
                connection = connection.execution_options(isolation_level="READ COMMITTED")
            with connection.begin():
                yield connection

    def purge(self) -> None:
        """Remove traces of replaced and deleted rows from the database's files.

        Purges run one at a time. Calls that come while one runs are answered by one more, and where
        nothing was replaced or erased since the last one nothing is done.

        Raises
        ------
        ErasurePendingError
            If other processes that read the database prevent it.
        """
        self._purges.run()

    def _purge(self) -> None:
        with self._connected() as connection:
            options = {_BEGINS_WITH: "", "isolation_level": "AUTOCOMMIT"}
            connection = connection.execution_options(**options)
            done = purge(connection)
        if not done:
            raise ErasurePendingError(
                f"{self.name}: erased from the tables, but other processes are reading, so traces "
                "remain in its files",
                hint=Hint.PURGE,
            )

    def revision(self) -> str | None:
        """Return the schema version, or None for a database without our tables."""
        with self.reading() as connection:
            return _revision(connection)

    def check_schema(self) -> None:
        """Check that the schema is the one that this program works with.

        Raises
        ------
        SchemaVersionError
            If it is older or newer.
        DatabaseError
            If there is none, or it holds more than plain tables.
        """
        with self.reading() as connection:
            found = _revision(connection)
            if found is not None and self.engine.dialect.name == "sqlite":
                check_plain(connection, self.name)
        if found is None:
            raise DatabaseError(f"{self.name} holds no galleries yet", hint=Hint.MAKE_DATABASE)
        if found != SCHEMA_REVISION:
            raise SchemaVersionError(
                f"{self.name} is at schema version {found}, this program works with "
                f"{SCHEMA_REVISION}",
                hint=Hint.MIGRATE,
            )

    def _prepare_file(self, create: bool) -> None:
        """Check the file of an SQLite database, and make it, for its owner alone, if it may be."""
        if self._url.get_backend_name() != "sqlite":
            return
        if self._url.database in (None, "", ":memory:"):
            raise DatabaseError(
                "an SQLite database in memory cannot be shared by threads; name a file, such as "
                "sqlite:///gallery.db"
            )
        path = sqlite_file(self._url)
        if path is None:
            return
        if path.is_dir():
            raise DatabaseError(f"{path} is a folder, and no database")
        if not create and not path.is_file():
            raise DatabaseError(f"there is no database at {path}", hint=Hint.MAKE_DATABASE)
        if create and not path.absolute().parent.is_dir():
            raise DatabaseError(f"the folder of {path} does not exist; create it first")
        if create and may_be_written(self._url):
            _make_private(path)

    def _watch_file(self) -> None:
        """Notice at each use that SQLite's file was moved, deleted or replaced since the first.

        The system lets connections go on with a file that has no name any more, and what is written
        there is lost with the last of them. New ones would read the log of the former file beside
        the other (SQLite, "How To Corrupt An SQLite Database File", 1.4).
        """
        path = sqlite_file(self._url)
        if path is None:
            return
        first: tuple[int, int] | None = None

        def check(*_: object) -> None:
            nonlocal first
            found = _identity(path)
            first = first or found
            if found is None or found != first:
                raise DatabaseError(
                    f"the file of the database {path} was moved, deleted or replaced since it was "
                    "opened: nothing was read or written; put it back, or end this program and "
                    "start it again"
                )

        event.listen(self.engine, "do_connect", check)  # before SQLite makes a file that is missing
        event.listen(self.engine, "checkout", check)

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        """Give a connection; errors of the database are raised as this program's."""
        with self.translated():
            try:
                connection = self.engine.connect()
            except (ArgumentError, TypeError, ValueError) as error:
                raise self._unusable(error) from error
            with connection:
                yield connection

    def _unusable(self, error: Exception) -> DatabaseError:
        return DatabaseError(
            f"the options in the database URL {self.name} cannot be used: "
            f"{self._scrubbed(str(error))}"
        )

    def _scrubbed(self, reason: str) -> str:
        """Return a driver's words without the secrets of the URL, which they may repeat."""
        for secret in self._secrets:
            reason = reason.replace(secret, MASK)
        return reason.strip().partition("\n")[0]

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raise the database's errors as this program's: for what reads in another thread, too."""
        try:
            yield
        except SQLAlchemyError as error:
            reason, hint = _reason(error)
            raise DatabaseError(f"{self.name}: {self._scrubbed(reason)}", hint=hint) from error
        except sqlite3.Error as error:  # of a cursor of the driver's own
            reason, hint = _explained(str(error))
            raise DatabaseError(f"{self.name}: {self._scrubbed(reason)}", hint=hint) from error
        except UnicodeDecodeError as error:  # of a name in a damaged schema, which SQLite repeats
            raise DatabaseError(
                f"{self.name}: it is damaged, and holds what is no text; restore it from a backup"
            ) from error
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise DatabaseError(f"{self.name}: the disk is full") from error


def _identity(path: Path) -> tuple[int, int] | None:
    """Return the identity of a file, device and inode, or None if it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _make_private(path: Path) -> None:
    """Make a file that its owner alone may read, if it is not there; SQLite's others follow it.

    One that is there is not opened: to close it would take SQLite's locks on it from the whole
    process (SQLite, "How To Corrupt An SQLite Database File", 2.2).
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        pass
    except OSError as error:
        raise DatabaseError(f"the database {path} cannot be made: {error.strerror}") from error


def _revision(connection: Connection) -> str | None:
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" not in tables:
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return str(found) if found is not None else None


def _reason(error: SQLAlchemyError) -> tuple[str, Hint | None]:
    """Return the driver's own words and what to do about them.

    They come without the statement, whose values do not belong in logs.
    """
    cause = getattr(error, "orig", None)
    lines = str(cause if cause is not None else error).strip().splitlines()
    return _explained(lines[0] if lines else type(error).__name__)


def _explained(reason: str) -> tuple[str, Hint | None]:
    """Return a driver's words with what to do about them, where that is known."""
    for words, (explanation, hint) in _EXPLANATIONS.items():
        if words in reason:
            return f"{reason}; {explanation}", hint
    return reason, None


def _configure_sqlite(engine: Engine) -> None:
    """Let SQLAlchemy begin transactions itself, and set what every connection needs.

    Python's driver by default begins a transaction only before the first write, so that the reads
    of one search would not see one state. Writers take the lock at once: a deferred transaction
    that reads first and writes later fails when another has written in between.
    """

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        if cursor.execute("PRAGMA page_count").fetchone()[0] == 0:
            # It must come before anything is in the file, so that pages can be given back later.
            cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "secure_delete = ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        statement = connection.get_execution_options().get(_BEGINS_WITH, "BEGIN")
        if statement:
            connection.exec_driver_sql(statement)

"""The opening of a database at the schema version that this program works with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gallery.store.database import Database


@contextmanager
def open_database(url: str, *, create: bool = False, connections: int = 5) -> Iterator[Database]:
    """Open a database, check its schema, and close it at the end.

    Parameters
    ----------
    url
        SQLAlchemy's URL, such as ``sqlite:///gallery.db``.
    create
        Whether to create the database or its tables if they are not there.
    connections
        Connections to keep; as many again may be made for a while.

    Raises
    ------
    DatabaseError
        If the database cannot be opened, or has no tables and ``create`` is not set.
    SchemaVersionError
        If it is at another schema version.
    """
    database = Database(url, create=create, connections=connections)
    try:
        if create and database.revision() is None:
            # Alembic takes longer to import than most commands take; only this needs it.
            from gallery.store.schema import upgrade

            upgrade(database)
        database.check_schema()
        yield database
    finally:
        database.close()

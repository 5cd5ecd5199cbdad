"""Plain tables: those of a database in a file of SQLite's, which may be another's, hold rows alone.

A view, a virtual table, a generated column and a trigger have SQLite compute what whoever made the
file wanted, with as much memory and in as much time, and a view gives other values at each look.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, text

from gallery.errors import DatabaseError
from gallery.store.tables import METADATA, audit_table

_OBJECTS: Final = text("SELECT type, name, tbl_name, substr(sql, 1, 20) FROM sqlite_master")
_COMPUTED: Final = text("SELECT count(*) FROM pragma_table_xinfo(:name) WHERE hidden <> 0")


def check_plain(connection: Connection, database: str) -> None:
    """Check that the tables are tables, and that nothing but the audit log's has triggers.

    Parameters
    ----------
    connection
        One to a database of SQLite's.
    database
        Its name in messages.

    Raises
    ------
    DatabaseError
        If a table is something else.
    """
    known = set(METADATA.tables)
    for kind, name, table, beginning in connection.execute(_OBJECTS):
        if table not in known or kind == "index":
            continue
        if kind == "trigger":
            strange = table != audit_table.name
        else:
            computed = connection.execute(_COMPUTED, {"name": name}).scalar()
            strange = kind != "table" or "VIRTUAL" in str(beginning).upper() or bool(computed)
        if strange:
            raise DatabaseError(
                f"{database} was not made by this program: {name} is no plain table, and would "
                "compute what its maker wanted; restore the database from a backup"
            )

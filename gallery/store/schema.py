"""The schema of the database, created and upgraded with Alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError

import gallery
from gallery.errors import DatabaseError, SchemaVersionError
from gallery.store.database import Database
from gallery.store.tables import SCHEMA_REVISION


def migrations_folder() -> Path:
    """Return the folder of the migrations: in an installed package, or beside it in a checkout."""
    package = Path(gallery.__file__).parent
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def upgrade(database: Database) -> tuple[str | None, str]:
    """Create the schema, or bring it to the version that this program works with.

    Returns
    -------
    tuple of (str or None, str)
        The schema version before and after.

    Raises
    ------
    SchemaVersionError
        If the database was made by a newer program.
    """
    before = database.revision()
    config = Config()
    # ConfigParser reads a percent sign as the start of a reference.
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    try:
        with database.writing() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, SCHEMA_REVISION)
    except CommandError as error:
        raise SchemaVersionError(
            f"{database.name} is at schema version {before}, which this program does not know; "
            "it was made by a newer version of the program: install that one"
        ) from error
    after = database.revision()
    if after is None:
        raise DatabaseError(f"{database.name}: the schema could not be created")
    return before, after

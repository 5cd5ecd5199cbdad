"""``gallery migrate``: bring a database to the schema version of this program."""

from __future__ import annotations

import click

from gallery.commands.options import database_options
from gallery.commands.settings import DatabaseSettings

_EPILOG = """
\b
Example:
  gallery migrate --database sqlite:///gallery.db
"""


@click.command("migrate", epilog=_EPILOG)
@database_options
def command(settings: DatabaseSettings) -> None:
    """Bring a database to the schema version of this program.

    The step is applied whole or not at all. No key is needed: the content is not touched.
    """
    from gallery.server import migrate

    before, after = migrate(settings.database)
    if before == after:
        settings.notice(f"{settings.place} is at schema version {after} already")
    else:
        settings.notice(f"{settings.place} went from schema version {before} to {after}")

"""Alembic's environment: runs the steps on the connection that it is given, or on a URL.

The program hands its own connection over. On the command line (``alembic check``) the database is
the one that ``GALLERY_DATABASE`` names.
"""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import Connection, create_engine

from gallery.store.tables import METADATA


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        compare_type=True,
        render_as_batch=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    url = os.environ.get("GALLERY_DATABASE", "sqlite:///gallery.db")
    engine = create_engine(url)
    with engine.connect() as opened:
        _run(opened)
        opened.commit()
    engine.dispose()

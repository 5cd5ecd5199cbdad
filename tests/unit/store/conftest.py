from __future__ import annotations

from collections.abc import Iterator

import pytest

from gallery.store import Database, open_database
from tests.support.galleries import client, database, key, other_key, service
from tests.support.postgresql import empty_database, postgresql, postgresql_server

__all__ = [
    "client",
    "database",
    "empty_database",
    "key",
    "opened",
    "other_key",
    "postgresql",
    "postgresql_server",
    "service",
]


@pytest.fixture
def opened(empty_database: str) -> Iterator[Database]:
    """A database of each kind, with all tables."""
    with open_database(empty_database, create=True) as made:
        yield made

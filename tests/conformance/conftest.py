from __future__ import annotations

from tests.support.galleries import client, database, key, other_key, service
from tests.support.postgresql import postgresql, postgresql_server

__all__ = ["client", "database", "key", "other_key", "postgresql", "postgresql_server", "service"]

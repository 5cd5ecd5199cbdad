from __future__ import annotations

from tests.support.galleries import client, database, key, other_key, service

__all__ = ["client", "database", "key", "other_key", "service"]

from __future__ import annotations

from tests.galleries import client, database, key, other_key, service

__all__ = ["client", "database", "key", "other_key", "service"]

from __future__ import annotations

from tests.support.galleries import database, key, service

__all__ = ["database", "key", "service"]

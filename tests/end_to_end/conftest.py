from __future__ import annotations

from tests.support.galleries import client, database, key, other_key, service
from tests.support.photos import london, samples

__all__ = ["client", "database", "key", "london", "other_key", "samples", "service"]

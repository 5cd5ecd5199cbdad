"""Attacks on services and clients: what each may take, and that others are served meanwhile.

Long ones are marked ``attack`` and run by ``make attack`` alone.
"""

from __future__ import annotations

from tests.support.galleries import client, database, key, other_key, service

__all__ = ["client", "database", "key", "other_key", "service"]

"""The memory of a desk that searches again and again: nothing of a search is left behind.

`make bench-desk` measures a thousand searches from outside; here what Python allocates is counted.
"""

from __future__ import annotations

import gc
import tracemalloc

from gallery.desk.access.scopes import DeskScope
from tests.support.desks import Desk
from tests.support.event_streams import listening
from tests.support.galleries import random_embeddings

API = "/v1/galleries/default"
ROW = 30
ALLOWED = 24 * 1024
"""Bytes that a row of searches may leave, such as in caches that fill: 819 a search."""


def allocated() -> int:
    """Return the bytes that are in use."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def test_searches_leave_nothing_behind(desk: Desk) -> None:
    door, body = desk.program(DeskScope.MANAGE), {"embeddings": random_embeddings(1, 8).tolist()}
    door.post(f"{API}/enroll", json={"label": "Ada", **body})
    kiosk = desk.program(DeskScope.IDENTIFY)
    bad = {"embeddings": [[0.0] * 8]}

    def search_row() -> None:
        with listening(door, f"{API}/events") as events:
            for _ in range(ROW):
                assert door.post(f"{API}/identify", json=body).status_code == 200
                assert events.next() is not None
        assert door.post(f"{API}/identify", json=bad).status_code == 422
        kiosk.post(f"{API}/identify", json=body)

    search_row()  # what is made once is made now
    tracemalloc.start()
    try:
        search_row()
        before = allocated()
        search_row()
        assert allocated() - before < ALLOWED
    finally:
        tracemalloc.stop()

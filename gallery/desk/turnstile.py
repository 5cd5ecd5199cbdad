"""A turnstile: a bound on the requests that work or wait at one place; others are refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from gallery.desk.errors import BusyError


class Turnstile:
    """Lets some in at a time, and never has anybody wait outside.

    A request that waits holds one of the threads that answer requests. With a limit, some threads
    are always left to authenticate requests, to lock the desk, and to say that it is alive.

    Parameters
    ----------
    places
        How many may be inside.
    """

    def __init__(self, places: int) -> None:
        self._places = threading.BoundedSemaphore(places)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be inside (`BusyError` if it is full)."""
        if not self._places.acquire(blocking=False):
            raise BusyError("the desk is busy: try again in a moment")
        try:
            yield
        finally:
            self._places.release()

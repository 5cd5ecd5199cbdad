"""How much memory the bodies of all requests may take together."""

from __future__ import annotations

from gallery.desk.errors import BusyError


class BodyBudget:
    """Counts the bytes of bodies that are being read or worked on; for one event loop.

    Parameters
    ----------
    most
        How many there may be at a time.
    """

    def __init__(self, most: int) -> None:
        self._free = most

    def take(self, size: int) -> None:
        """Count bytes that came (`BusyError` if there are too many at a time)."""
        if size > self._free:
            raise BusyError("the desk has too many photos at hand just now: try again in a moment")
        self._free -= size

    def give_back(self, size: int) -> None:
        """Count bytes of a request that has ended."""
        self._free += size

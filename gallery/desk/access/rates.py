"""How often each token may search."""

from __future__ import annotations

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from gallery.desk.access.scopes import Holder
from gallery.desk.errors import TooManySearchesError


class SearchRates:
    """Counts the probes of each limited holder.

    Parameters
    ----------
    rate
        How many probes each may search with, such as ``60/minute``.
    """

    def __init__(self, rate: str) -> None:
        self._rate = parse(rate)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def take(self, holder: Holder, probes: int) -> None:
        """Count probes of a holder; the owner's own are not limited.

        Raises
        ------
        TooManySearchesError
            If it has searched too often.
        """
        if holder.is_limited and not self._limiter.hit(self._rate, holder.name, cost=probes):
            raise TooManySearchesError(f"this token may search {self._rate} at most; wait a little")

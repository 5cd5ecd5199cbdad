"""Rate limits of the searches of each token."""

from __future__ import annotations

from collections.abc import Sequence

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
        faces = str(self._rate).replace(" per ", " faces per ", 1).replace(" per 1 ", " per ")
        self._told = f"this token may search with at most {faces}"
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def take(self, holder: Holder, probes: int) -> None:
        """Count probes of a holder; those of holders who may manage are not limited.

        Raises
        ------
        TooManySearchesError
            If it has searched too often.
        """
        if not holder.is_limited or not probes:
            return
        if probes > self._rate.amount:
            raise TooManySearchesError(f"{self._told}: send fewer at once")
        if not self._limiter.hit(self._rate, holder.name, cost=probes):
            raise TooManySearchesError(f"{self._told}: wait a little")

    def take_faces(self, holder: Holder, counts: Sequence[int]) -> None:
        """Count the further faces of photos of which one each was counted when they came.

        Parameters
        ----------
        holder
            The holder of the token or session that searches.
        counts
            How many faces each photo has.

        Raises
        ------
        TooManySearchesError
            If it has searched too often; it must not get the results.
        """
        self.take(holder, sum(max(count - 1, 0) for count in counts))

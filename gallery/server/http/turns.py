"""Turns: bounds on the requests that do something at a time, of all tokens and of each."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gallery.errors import ServerBusyError
from gallery.server.http.byte_budget import ByteBudget
from gallery.server.http.fair_share import FairShare


class Turns:
    """Turns that requests wait for; a token has a number of them, so that others get some too.

    Parameters
    ----------
    total
        Requests that have their turn at a time; None if only their number a token is limited.
    each
        Those of one token.
    patience
        Seconds after which one that waits is refused.
    """

    def __init__(self, total: int | None, each: int, patience: float) -> None:
        self._budget = ByteBudget(sys.maxsize if total is None else total, each, patience)

    @property
    def used(self) -> int:
        """Requests that have their turn at present."""
        return self._budget.used

    @asynccontextmanager
    async def turn(self, token_id: str) -> AsyncIterator[None]:
        """Wait for a turn and have it for as long as the context is open (`ServerBusyError`)."""
        with self._budget.opened(token_id) as room:
            await room.take(1)
            yield


class RequestCount:
    """The number of requests under way of each token.

    Parameters
    ----------
    total
        Those that all may have.
    most
        Those that one token may have.
    """

    def __init__(self, total: int, most: int) -> None:
        self._rule = FairShare(total, most)
        self._counts: Counter[str] = Counter()

    def enter(self, token_id: str) -> None:
        """Count a request (`ServerBusyError` if the token has too many already)."""
        held = self._counts[token_id]
        if not self._rule.fits(held, 1, self._rule.total - self._counts.total()):
            raise ServerBusyError(
                f"the token has {held} requests under way, as many as it may; try again in a while"
            )
        self._counts[token_id] += 1

    def leave(self, token_id: str) -> None:
        """Take a request out of the count."""
        self._counts[token_id] -= 1
        if not self._counts[token_id]:
            del self._counts[token_id]

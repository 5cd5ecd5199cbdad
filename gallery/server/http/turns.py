"""Turns: how many requests do something at a time, of all and of each token."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from gallery.errors import ServerBusyError


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
        self._all = None if total is None else asyncio.Semaphore(total)
        # As many as there are tokens, which the operator makes.
        self._own = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(each))
        self._patience = patience

    @asynccontextmanager
    async def turn(self, token_id: str) -> AsyncIterator[None]:
        """Wait for a turn and have it for as long as the context is open (`ServerBusyError`)."""
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(self._patience):
                    # Its own first: one that waits for that keeps no turn from others.
                    await stack.enter_async_context(self._own[token_id])
                    if self._all is not None:
                        await stack.enter_async_context(self._all)
            except TimeoutError:
                raise ServerBusyError("the server is busy; try again in a while") from None
            yield


class RequestCount:
    """The number of requests under way of each token.

    Parameters
    ----------
    most
        Those that one token may have.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: Counter[str] = Counter()

    def enter(self, token_id: str) -> None:
        """Count a request (`ServerBusyError` if the token has too many already)."""
        if self._counts[token_id] >= self._most:
            raise ServerBusyError(
                f"the token has {self._most} requests under way, as many as it may; try again in a "
                "while"
            )
        self._counts[token_id] += 1

    def leave(self, token_id: str) -> None:
        """Take a request out of the count."""
        self._counts[token_id] -= 1
        if not self._counts[token_id]:
            del self._counts[token_id]

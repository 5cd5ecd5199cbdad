"""A budget of bytes that requests share, so that memory stays bounded however many come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gallery.errors import ServerBusyError


class ByteBudget:
    """Bytes that are reserved before they are allocated, and given back afterwards.

    Reservations wait in turn. One above the whole budget gets all of it for itself.

    Parameters
    ----------
    total
        Bytes that may be reserved at a time.
    patience
        Seconds after which a reservation is refused.
    """

    def __init__(self, total: int, patience: float) -> None:
        self._total, self._patience = total, patience
        self._free = total
        self._turn = asyncio.Lock()
        self._returned = asyncio.Event()

    @property
    def used(self) -> int:
        """Bytes that are reserved at present."""
        return self._total - self._free

    @asynccontextmanager
    async def reserved(self, amount: int) -> AsyncIterator[None]:
        """Reserve bytes for as long as the context is open.

        Raises
        ------
        ServerBusyError
            If there are not enough for too long.
        """
        wanted = min(amount, self._total)
        try:
            async with asyncio.timeout(self._patience), self._turn:
                while self._free < wanted:
                    self._returned.clear()
                    await self._returned.wait()
                self._free -= wanted
        except TimeoutError:
            raise ServerBusyError("the server is busy; try again in a while") from None
        try:
            yield
        finally:
            self._free += wanted
            self._returned.set()

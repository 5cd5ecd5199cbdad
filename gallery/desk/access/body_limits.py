"""The bodies of requests as they are read: their size, their pace, and the memory of all."""

from __future__ import annotations

import asyncio
import time

from starlette.types import Message, Receive

from gallery.desk.config import KIB, MIB
from gallery.desk.errors import BusyError, TooLargeError, TooSlowError

BODY_SECONDS = 20.0
"""Seconds that a body may take, whatever its size."""

BYTES_A_SECOND = 64 * KIB
"""The least rate of a larger body."""


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


class LimitedBody:
    """The body of one request, which a handler receives in pieces.

    Parameters
    ----------
    receive
        Where the pieces come from.
    most
        How many bytes it may have.
    budget
        What counts those of all requests.
    """

    def __init__(self, receive: Receive, most: int, budget: BodyBudget) -> None:
        self._receive, self._most, self._budget = receive, most, budget
        self._received, self._is_whole, self._began = 0, False, time.monotonic()

    async def receive(self) -> Message:
        """Return the next piece.

        Raises
        ------
        TooLargeError, TooSlowError, BusyError
            If the body is larger or slower than it may be, or all together are.
        """
        if self._is_whole:  # now it is the end of the connection that is waited for
            return await self._receive()
        paid = BODY_SECONDS + self._received / BYTES_A_SECOND
        try:
            async with asyncio.timeout(self._began + paid - time.monotonic()):
                message = await self._receive()
        except TimeoutError as error:
            raise TooSlowError("the request came too slowly: try again") from error
        size = len(message.get("body", b""))
        if self._received + size > self._most:
            raise too_large(self._most)
        self._budget.take(size)
        self._received += size
        self._is_whole = not message.get("more_body", False)
        return message

    def end(self) -> None:
        """Give back its share of the budget."""
        self._budget.give_back(self._received)


def too_large(most: int) -> TooLargeError:
    """Return the error for a body that is larger than it may be."""
    size = f"{most // MIB} MiB" if most >= MIB else f"{most // KIB} KiB"
    return TooLargeError(f"this request may have at most {size}: send less at a time")

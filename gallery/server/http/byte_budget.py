"""A budget of bytes that requests share, so that memory stays bounded however many come."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gallery.errors import RequestTooLargeError, ServerBusyError
from gallery.server.http.fair_share import FairShare


@dataclass(eq=False)
class _Waiter:
    """A reservation that waits for bytes."""

    owner: str
    amount: int
    granted: asyncio.Future[None]


class ByteBudget:
    """Bytes that are reserved before they are allocated, and given back afterwards.

    Requests belong to owners, and no owner has more than its share (see `FairShare`). Requests that
    wait for bytes are served in the order of coming. One that waits for its own share holds up
    no other owner, and one that would have much holds up no owner that has little.

    Parameters
    ----------
    total
        Bytes that may be reserved at a time.
    share
        Bytes that one owner may have of them.
    patience
        Seconds after which a reservation is refused.
    """

    def __init__(self, total: int, share: int, patience: float) -> None:
        self._rule, self._patience = FairShare(total, min(share, total)), patience
        self._held: Counter[str] = Counter()
        self._free = total
        self._waiting: deque[_Waiter] = deque()

    @property
    def used(self) -> int:
        """Bytes that are reserved at present."""
        return self._rule.total - self._free

    @property
    def share(self) -> int:
        """Bytes that one owner may have."""
        return self._rule.most

    @contextmanager
    def opened(self, owner: str) -> Iterator[Reservation]:
        """Give a reservation of no bytes, which grows; closed with the context."""
        reservation = Reservation(self, owner)
        try:
            yield reservation
        finally:
            reservation.shrink(0)

    async def take(self, owner: str, amount: int) -> None:
        """Take bytes for an owner; for `Reservation` alone."""
        waiter = _Waiter(owner, amount, asyncio.get_running_loop().create_future())
        if self._fits(waiter) and not any(self._is_before(one, waiter) for one in self._waiting):
            self._grant(waiter)
            return
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(self._patience):
                await waiter.granted
        except BaseException as error:
            if waiter.granted.done() and not waiter.granted.cancelled():
                self.give_back(owner, amount)  # it came in the moment of giving up
            else:
                if waiter in self._waiting:
                    self._waiting.remove(waiter)
                self._serve()
            if isinstance(error, TimeoutError):
                raise ServerBusyError("the server is busy; try again in a while") from None
            raise

    def give_back(self, owner: str, amount: int) -> None:
        """Give bytes of an owner back; for `Reservation` alone."""
        self._free += amount
        self._held[owner] -= amount
        if not self._held[owner]:
            del self._held[owner]
        self._serve()

    def _is_before(self, first: _Waiter, second: _Waiter) -> bool:
        """Tell whether one that waits must not be overtaken by another that came later."""
        if first.owner == second.owner:
            return True
        return self._has_share(first) and (self._is_little(first) or not self._is_little(second))

    def _has_share(self, waiter: _Waiter) -> bool:
        return self._held[waiter.owner] + waiter.amount <= self._rule.most

    def _is_little(self, waiter: _Waiter) -> bool:
        return self._rule.is_little(self._held[waiter.owner] + waiter.amount)

    def _fits(self, waiter: _Waiter) -> bool:
        return self._rule.fits(self._held[waiter.owner], waiter.amount, self._free)

    def _grant(self, waiter: _Waiter) -> None:
        self._free -= waiter.amount
        self._held[waiter.owner] += waiter.amount

    def _serve(self) -> None:
        """Serve the requests that wait, in order, as far as none that came before is held up."""
        left: deque[_Waiter] = deque()
        much_waits = False
        while self._waiting:
            waiter = self._waiting.popleft()
            if waiter.granted.cancelled():
                continue
            little = self._is_little(waiter)
            if self._fits(waiter) and (little or not much_waits):
                self._grant(waiter)
                waiter.granted.set_result(None)
                continue
            left.append(waiter)
            if self._has_share(waiter):
                much_waits = True
                if little:
                    break
        self._waiting.extendleft(reversed(left))


class Reservation:
    """Bytes of a budget that one request has.

    Parameters
    ----------
    budget
        The budget.
    owner
        Whose share they are of.
    """

    def __init__(self, budget: ByteBudget, owner: str) -> None:
        self._budget, self._owner = budget, owner
        self.size = 0

    def check(self, size: int) -> None:
        """Check that the reservation could have so many bytes (`RequestTooLargeError`)."""
        if size > self._budget.share:
            raise RequestTooLargeError(
                f"the request needs {size:,} bytes of the server's memory, and one token may have "
                f"{self._budget.share:,} at a time"
            )

    async def grow(self, size: int) -> None:
        """Wait until the reservation has so many bytes.

        Raises
        ------
        RequestTooLargeError
            If it is more than one owner may ever have.
        ServerBusyError
            If there are not enough for too long.
        """
        self.check(size)
        if size > self.size:
            await self.take(size - self.size)

    async def take(self, amount: int) -> None:
        """Wait for so many bytes more (`ServerBusyError`)."""
        await self._budget.take(self._owner, amount)
        self.size += amount

    def shrink(self, size: int) -> None:
        """Give back all but so many bytes."""
        if size < self.size:
            self._budget.give_back(self._owner, self.size - size)
            self.size = size

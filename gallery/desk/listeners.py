"""Listeners to results: bounded queues between threads that search and event streams."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from gallery.desk.access.scopes import Holder
from gallery.desk.errors import BusyError, TooManyStreamsError

MOST_EACH: Final = 4
"""Streams that one token, or the owner, has open at a time."""

MOST: Final = 64
"""Streams of all together; each holds a connection."""

LONGEST: Final = 256
"""Events that may wait for a listener."""

LARGEST: Final = 2**20
"""Bytes that they may have together."""

Render = Callable[[bool], Sequence[bytes]]
"""Makes the events of a search, in full or as holders get them who may only search."""


class Listener:
    """The queue of one event stream; all but its making is for one event loop.

    Parameters
    ----------
    gallery
        The gallery whose searches it hears.
    holder
        The holder of the stream. One who may not manage hears the searches of the same token alone.
    """

    def __init__(self, gallery: str, holder: Holder) -> None:
        self.gallery, self.holder = gallery, holder
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[bytes] = deque()
        self._size, self._came, self._is_lost = 0, asyncio.Event(), False

    def hears(self, gallery: str, searcher: Holder) -> bool:
        """Tell whether it hears what somebody found in a gallery."""
        if gallery != self.gallery:
            return False
        return not self.holder.is_limited or self.holder.token_id == searcher.token_id

    def offer(self, events: Sequence[bytes]) -> None:
        """Give it events, from any thread; one that does not keep up is lost, and hears no more."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._take, events)

    async def next(self, seconds: float) -> bytes | None:
        """Return the next event, or None if none came in time.

        Raises
        ------
        LostListenerError
            If more came than it kept up with.
        """
        if not self._waiting and not self._is_lost:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._came.wait()
        self._came.clear()
        if self._is_lost:
            raise LostListenerError
        if not self._waiting:
            return None
        event = self._waiting.popleft()
        self._size -= len(event)
        return event

    def _take(self, events: Sequence[bytes]) -> None:
        self._waiting.extend(events)
        self._size += sum(map(len, events))
        if self._is_lost or len(self._waiting) > LONGEST or self._size > LARGEST:
            self._is_lost = True
            self._waiting.clear()
        self._came.set()


class LostListenerError(Exception):
    """A listener does not keep up."""


class Listeners:
    """All listeners of a desk. Nothing is kept for those that are away."""

    def __init__(self) -> None:
        self._all: list[Listener] = []
        self._changing = threading.Lock()

    @contextmanager
    def listening(self, gallery: str, holder: Holder) -> Iterator[Listener]:
        """Listen to a gallery.

        Raises
        ------
        TooManyStreamsError
            If the holder has too many streams.
        BusyError
            If all together have.
        """
        listener = Listener(gallery, holder)
        with self._changing:
            same = [item for item in self._all if item.holder.token_id == holder.token_id]
            if len(same) >= MOST_EACH:
                raise TooManyStreamsError(
                    f"{MOST_EACH} streams of this token are open already: close one first"
                )
            if len(self._all) >= MOST:
                raise BusyError("too many streams are open already: try again later")
            self._all.append(listener)
        try:
            yield listener
        finally:
            with self._changing:
                self._all.remove(listener)

    @property
    def count(self) -> int:
        """The number of listeners."""
        return len(self._all)

    def tell(self, gallery: str, searcher: Holder, render: Render) -> None:
        """Give events of a search to all who hear them."""
        with self._changing:
            hearing = [item for item in self._all if item.hears(gallery, searcher)]
        for limited in (False, True):
            some = [item for item in hearing if item.holder.is_limited == limited]
            if some:
                events = render(limited)
                for listener in some:
                    listener.offer(events)

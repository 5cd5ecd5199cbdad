"""Searches: the queue between the thread that computes results and the one that takes them."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import astuple, dataclass
from functools import cached_property
from operator import add
from queue import Empty, SimpleQueue
from threading import Lock

from gallery.errors import ServerBusyError
from gallery.messages import (
    NO_CHECK_SUMS,
    BlockResult,
    Manifest,
    SealedCheckSums,
    SearchRequest,
)


@dataclass(frozen=True, eq=False)
class SearchOpening:
    """The opening before the results: the manifest, and the check sums if the caller needs them."""

    manifest: Manifest
    check_sums: SealedCheckSums

    def without(self, known: bytes) -> SearchOpening:
        """Return the same without the check sums if their digest is the one that is known."""
        if not self.check_sums or self._digest != known:
            return self
        return SearchOpening(self.manifest, NO_CHECK_SUMS)

    @cached_property
    def _digest(self) -> bytes:
        return self.check_sums.digest()


_Item = SearchOpening | BlockResult | BaseException | None


class Search:
    """One caller's search: its request, and its results until the caller takes them.

    The thread that computes never waits for the caller. Results wait here, as many as have room;
    one more stops the search.

    Parameters
    ----------
    request
        The request.
    room
        Bytes that results may take that are not yet taken; None for any number: then at most blocks
        times probes times a result's bytes, and the references.
    owner
        Whose search it is.

    Attributes
    ----------
    request
        The request.
    owner
        Whose search it is.
    called
        Time of the call, by `time.perf_counter`.
    abandoned
        Whether the caller takes no more results.
    """

    def __init__(self, request: SearchRequest, room: int | None = None, owner: str = "") -> None:
        self.request, self.owner = request, owner
        self.called = time.perf_counter()
        self.abandoned = False
        self._room = room
        self._lock = Lock()
        self._waiting = 0
        self._items: SimpleQueue[_Item] = SimpleQueue()

    def put(self, item: SearchOpening | BlockResult) -> None:
        """Hand over the opening, and after it the result of one block each time."""
        if self.abandoned:
            return
        with self._lock:
            self._waiting += _size_of(item)
            if self._room is None or self._waiting <= self._room:
                self._items.put(item)
                return
            with suppress(Empty):
                while True:  # what waits is of no use without the rest
                    self._items.get_nowait()
        self.end(
            ServerBusyError(
                f"the search was stopped: its caller did not take results of {self._room:,} bytes "
                "for so long that there was no room for more; ask for fewer probes at a time"
            )
        )
        self.abandoned = True

    def end(self, error: BaseException | None = None) -> None:
        """End the results, with the error that cut them off if there was one."""
        self._items.put(error)

    def take(self) -> SearchOpening | BlockResult | None:
        """Wait for the next item, None at the end; raise the error if there was one."""
        try:
            item = self._items.get()
        except BaseException:  # such as the user's interrupt
            self.abandoned = True
            raise
        if isinstance(item, BaseException):
            # A copy: searches that fail together run in threads that each add their own traceback.
            raise copy.copy(item) from item
        if item is not None:
            with self._lock:
                self._waiting -= _size_of(item)
        return item


def _size_of(item: SearchOpening | BlockResult) -> int:
    """Return the bytes that an item takes while it waits."""
    if isinstance(item, SearchOpening):
        return len(item.check_sums.sealed)
    references = 0 if item.references is None else item.references.nbytes
    return references + sum(one.residues.nbytes for one in item.distances)


class ResultStream(Iterator[BlockResult]):
    """The results of a search in the order of the manifest; closed when it is let go of."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._ended = False

    def opening(self) -> SearchOpening:
        """Wait for what the search sees; must be called first, and once."""
        opening = self._search.take()
        assert isinstance(opening, SearchOpening)
        return opening

    def __next__(self) -> BlockResult:
        if self._ended:
            raise StopIteration
        self._ended = True  # unless there is another result
        result = self._search.take()
        if result is None:
            raise StopIteration
        assert isinstance(result, BlockResult)
        self._ended = False
        return result

    def close(self) -> None:
        """Abandon the search: nothing more is computed for it."""
        self._ended = self._search.abandoned = True

    def __del__(self) -> None:
        self.close()


@dataclass(frozen=True)
class SearchStatistics:
    """Figures of the searches since the service was opened.

    Attributes
    ----------
    searches, probes
        Searches whose gallery was opened, and their probes, those that did not fit left out.
    passes
        Passes over a gallery that served them.
    comparisons
        References of scanned blocks, times the probes that they were compared with.
    waiting_seconds
        From the call of a search to the beginning of its pass, summed up over searches.
    scanning_seconds
        Time in the evaluator and in handing out its results.
    """

    searches: int = 0
    probes: int = 0
    passes: int = 0
    comparisons: int = 0
    waiting_seconds: float = 0.0
    scanning_seconds: float = 0.0

    def plus(self, other: SearchStatistics) -> SearchStatistics:
        """Return the sum of both, figure by figure."""
        return SearchStatistics(*map(add, astuple(self), astuple(other)))

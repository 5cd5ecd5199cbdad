"""A prefetcher: a thread that prepares the next item while its consumer works on the last one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from typing import Generic, Self, TypeVar

from gallery.closing import Closing

T = TypeVar("T")
U = TypeVar("U")


class _End:
    """Stands for the end of what a thread hands over, and for the error that ended it."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class Prefetcher(Closing, Iterator[U], Generic[T, U]):
    """Applies a function to items in a thread of its own, one item ahead of its consumer.

    The next item is begun when the last result is taken, never earlier: so a chain of n of these
    holds n items, beside the one that was taken. Results come in the order of the items, and so
    does an error, whether of the items or of the function: all results before it come first.

    Use as a context manager. On leaving it nothing more is begun, what is under way is finished,
    and the thread is gone.

    Parameters
    ----------
    name
        The thread's.
    function
        The function.
    items
        Its arguments, one after the other, taken in the thread; also another `Prefetcher`.
    """

    def __init__(self, name: str, function: Callable[[T], U], items: Iterable[T]) -> None:
        self._function, self._items = function, items
        self._results: SimpleQueue[U | _End] = SimpleQueue()
        self._room = threading.Semaphore(1)
        self._stopped = False
        self._end: _End | None = None
        # A daemon, so that an impatient user's second interrupt ends the process.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __next__(self) -> U:
        found = self._end or self._results.get()
        if isinstance(found, _End):
            self._end = found
            if found.error is not None:
                raise found.error
            raise StopIteration
        self._room.release()
        return found

    def close(self) -> None:
        """Begin nothing more, and wait for what is under way."""
        self._stopped = True
        self._room.release()
        self._thread.join()

    def _run(self) -> None:
        try:
            items = iter(self._items)
            while self._may_begin():
                try:
                    item = next(items)
                except StopIteration:
                    break
                if self._stopped:
                    break
                self._results.put(self._function(item))
                del item
        except BaseException as error:
            self._results.put(_End(error))
        else:
            self._results.put(_End())

    def _may_begin(self) -> bool:
        self._room.acquire()
        return not self._stopped

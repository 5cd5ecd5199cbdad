"""Batching of searches: those of one gallery that wait together share a pass over its blocks.

A pass reads each block once for all of its probes, so that a busy server does not scan more often
than it must, and an idle one does not let a search wait for others: a search that finds nothing
running starts at once, and those that come meanwhile go together in the next pass.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from gallery.errors import ServerBusyError
from gallery.messages import SearchRequest, SearchResult
from gallery.server.scanning.passes import SearchPass
from gallery.server.scanning.scanner import Scanner
from gallery.server.scanning.searches import ResultStream, Search, SearchStatistics

PROBES_PER_PASS = 16
"""Probes that share a pass; a larger request has a pass for itself.

With sixteen, a comparison takes half the time that it takes with two; 24, 32 and 48 measured the
same within the noise, and the first of the searches waits longer."""

GALLERIES_AT_ONCE = 4
"""Galleries with a pass under way, each with a snapshot open; others wait in the order of their
first search. Passes take turns of a few blocks, so that none waits for the end of a long one."""


class SearchBatcher:
    """Serves searches of any number of threads with one thread that scans.

    If nobody takes the results of a search, they take at most blocks times probes times
    four bytes for each residue of a result, and the references that it asked for. A
    program that lets many clients search at once must bound that: it gives each search its room.

    Parameters
    ----------
    scanner
        What computes passes.
    """

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="scan")
        self._lock = threading.Lock()
        self._waiting: OrderedDict[bytes, deque[Search]] = OrderedDict()
        self._scanning = self._closed = False
        # What follows belongs to the scanning thread alone.
        self._passes_chosen = 0
        self._served: Counter[str] = Counter()  # by owner: the last pass that had a search of it
        self._passes: deque[SearchPass] = deque()
        self._statistics = SearchStatistics()

    def search(
        self, request: SearchRequest, room: int | None = None, owner: str = ""
    ) -> SearchResult:
        """Search a gallery; see `gallery.protocol.GalleryService.search`.

        Returns as soon as the manifest is known. Results are computed whether they are taken or
        not, until the iterator over them is closed or let go of.

        Parameters
        ----------
        request
            The request.
        room
            Bytes that results may take that are not yet taken; None for any number.
        owner
            Whose search it is: owners take turns.

        Raises
        ------
        ServerBusyError
            If the service is shutting down; and by the iterator, if there is no room for results.
        """
        for probe in request.probes:
            probe.check()
        search = Search(request, room, owner)
        with self._lock:
            if self._closed:
                raise _shutting_down()
            self._waiting.setdefault(request.gallery_id, deque()).append(search)
            if not self._scanning:
                self._scanning = True
                self._thread.submit(self._scan)
        results = ResultStream(search)
        opening = results.opening()
        return SearchResult(opening.manifest, results, opening.check_sums)

    def waiting(self) -> int:
        """Return how many searches wait for their pass."""
        with self._lock:
            return sum(len(searches) for searches in self._waiting.values())

    def statistics(self) -> SearchStatistics:
        """Return the figures of this moment."""
        return self._statistics

    def close(self) -> None:
        """Refuse what waits (`ServerBusyError`), finish what is under way, end all threads."""
        with self._lock:
            self._closed = True
            refused = [search for searches in self._waiting.values() for search in searches]
            self._waiting.clear()
        for search in refused:
            search.end(_shutting_down())
        self._thread.shutdown()

    def _scan(self) -> None:
        """Run passes until no search waits."""
        while True:
            self._begin_passes()
            if self._passes:
                self._take_turn()
                continue
            with self._lock:
                if not self._waiting:
                    self._scanning = False
                    return

    def _begin_passes(self) -> None:
        while len(self._passes) < GALLERIES_AT_ONCE:
            searches = self._next_searches()
            if not searches:
                return
            self._begin_pass(searches)

    def _begin_pass(self, searches: Sequence[Search]) -> None:
        gallery_id = searches[0].request.gallery_id
        try:
            begun = self._scanner.begin(gallery_id, searches)
        except BaseException as error:
            for search in searches:
                search.end(error)
            return
        self._passes.append(begun)
        self._statistics = self._statistics.plus(begun.beginning)

    def _next_searches(self) -> list[Search]:
        """Take the searches of the next pass: of the gallery that has waited longest."""
        under_way = {running.gallery_id for running in self._passes}
        with self._lock:
            free = (found for found in self._waiting if found not in under_way)
            gallery_id = next(free, None)
            if gallery_id is None:
                return []
            waiting = self._waiting[gallery_id]
            chosen = self._choose(waiting)
            if waiting:
                self._waiting.move_to_end(gallery_id)
            else:
                del self._waiting[gallery_id]
        return chosen

    def _choose(self, waiting: deque[Search]) -> list[Search]:
        """Take searches out, as many as go into one pass.

        First comes one of each owner, that of the owner first who was last in a pass longest ago,
        then a second one of each. So nobody waits for all searches of another owner. Those of one
        owner keep their order.
        """
        counts: Counter[str] = Counter()
        turns: list[tuple[int, int, int]] = []
        for position, search in enumerate(waiting):
            turns.append((counts[search.owner], self._served[search.owner], position))
            counts[search.owner] += 1
        ordered = [waiting[position] for *_, position in sorted(turns)]
        chosen, probes = ordered[:1], len(ordered[0].request.probes)
        for search in ordered[1:]:
            probes += len(search.request.probes)
            if probes > PROBES_PER_PASS:
                break
            chosen.append(search)
        self._passes_chosen += 1
        for search in chosen:
            waiting.remove(search)
            self._served[search.owner] = self._passes_chosen
        return chosen

    def _take_turn(self) -> None:
        current = self._passes.popleft()
        following = self._passes[0] if self._passes else current
        try:
            if not current.is_over:
                self._statistics = self._statistics.plus(current.turn(following))
        except BaseException as error:
            current.close(error)
            return
        if current.is_over:
            current.close()
        else:
            self._passes.append(current)


def _shutting_down() -> ServerBusyError:
    return ServerBusyError("the service is shutting down; try again in a while")

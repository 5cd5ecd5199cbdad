"""A service that measures how much of a search is the server's work."""

from __future__ import annotations

import time
from collections.abc import Iterator

from gallery.forwarding import ForwardingService
from gallery.messages import BlockResult, SearchRequest, SearchResult
from gallery.protocol import GalleryService, SearchObserver


class TimedService(ForwardingService):
    """Measures the time that searches take in the service that it passes all calls on to."""

    def __init__(self, service: GalleryService) -> None:
        super().__init__(service)
        self._seconds = 0.0

    def search(
        self, request: SearchRequest, observer: SearchObserver | None = None
    ) -> SearchResult:
        """Search, and count the time between asking for each part and getting it."""
        started = time.perf_counter()
        result = super().search(request, observer)
        self._seconds += time.perf_counter() - started
        return SearchResult(result.manifest, self._timed(result.blocks), result.check_sums)

    def take_search_ms(self) -> float:
        """Return the milliseconds spent in searches since this was last asked."""
        taken, self._seconds = 1e3 * self._seconds, 0.0
        return taken

    def _timed(self, blocks: Iterator[BlockResult]) -> Iterator[BlockResult]:
        while True:
            started = time.perf_counter()
            block = next(blocks, None)
            self._seconds += time.perf_counter() - started
            if block is None:
                return
            yield block

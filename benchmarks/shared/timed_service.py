"""A service that times searches, and keeps the largest request."""

from __future__ import annotations

import time

from gallery.forwarding import ForwardingService
from gallery.messages import SearchRequest, SearchResult
from gallery.protocol import GalleryService, SearchObserver


class TimedService(ForwardingService):
    """Times the searches of the service that it passes all calls on to.

    Attributes
    ----------
    seconds
        Time of all searches until their last result; set it to 0 to begin anew.
    largest
        The request with the most probes.
    """

    def __init__(self, service: GalleryService) -> None:
        super().__init__(service)
        self.seconds = 0.0
        self.largest: SearchRequest | None = None

    def forget(self) -> None:
        """Forget the largest request."""
        self.largest = None

    def search(
        self, request: SearchRequest, observer: SearchObserver | None = None
    ) -> SearchResult:
        started = time.perf_counter()
        if self.largest is None or len(request.probes) > len(self.largest.probes):
            self.largest = request
        found = super().search(request, observer)
        blocks = list(found.blocks)
        self.seconds += time.perf_counter() - started
        return SearchResult(found.manifest, iter(blocks), found.check_sums)

"""A service that times searches, and keeps the largest request."""

from __future__ import annotations

import time
from typing import Any

from gallery.messages import SearchRequest, SearchResult
from gallery.protocol import GalleryService


class TimedService:
    """A service around another one.

    Attributes
    ----------
    seconds
        Time of all searches until their last result; set it to 0 to begin anew.
    largest
        The request with the most probes.
    """

    def __init__(self, service: GalleryService) -> None:
        self._service = service
        self.seconds = 0.0
        self.largest: SearchRequest | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)

    def search(self, request: SearchRequest) -> SearchResult:
        started = time.perf_counter()
        if self.largest is None or len(request.probes) > len(self.largest.probes):
            self.largest = request
        found = self._service.search(request)
        blocks = list(found.blocks)
        self.seconds += time.perf_counter() - started
        return SearchResult(found.manifest, iter(blocks))

"""The access of a client to a gallery on a server, and the times of its requests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gallery.client import GalleryClient, read_key_file
from gallery.client.transport import AccessToken, RemoteService
from gallery.messages import SearchRequest, SearchResult
from gallery.protocol import SearchObserver


class TimedRemoteService(RemoteService):
    """A remote service that notes when the last search was sent and answered."""

    sent = answered = 0.0

    def search(
        self, request: SearchRequest, observer: SearchObserver | None = None
    ) -> SearchResult:
        self.sent = time.monotonic()
        found = super().search(request, observer)
        self.answered = time.monotonic()
        return found


@dataclass(frozen=True)
class GalleryAccess:
    """The server, token, gallery and key of a client, and the folder of its workload."""

    url: str
    token: str
    gallery: str
    key_file: Path
    folder: Path

    @contextmanager
    def open(self) -> Iterator[tuple[GalleryClient, TimedRemoteService]]:
        """Give a client with a key and connections of its own."""
        service = TimedRemoteService(self.url, AccessToken(self.token))
        try:
            with GalleryClient(service, read_key_file(self.key_file), self.gallery) as client:
                yield client, service
        finally:
            service.close()

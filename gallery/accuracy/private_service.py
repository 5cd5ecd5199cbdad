"""A service for one evaluation: over a database of its own, which is removed at the end."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gallery.protocol import GalleryService
from gallery.server import open_service

_CACHE_BYTES = 256 * 2**20
"""Most memory of the blocks that are searched again and again."""


@contextmanager
def private_service(backend: str) -> Iterator[GalleryService]:
    """Serve an empty database in a private temporary folder, which is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="gallery-evaluation-") as folder:
        url = f"sqlite:///{Path(folder) / 'evaluation.db'}"
        with open_service(url, create=True, backend=backend, cache_size=_CACHE_BYTES) as service:
            yield service

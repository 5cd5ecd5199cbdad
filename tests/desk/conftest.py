"""A desk over a gallery of ready embeddings, and one over a gallery for photos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gallery.client import GalleryClient, GalleryKey, PhotoEmbedder
from gallery.server import EmbeddedService
from tests.support.desks import Desk, open_desk
from tests.support.galleries import database, key, service
from tests.support.photos import deepface_home, london

__all__ = ["database", "deepface_home", "key", "london", "service"]


@pytest.fixture
def desk(service: EmbeddedService, key: GalleryKey, tmp_path: Path) -> Iterator[Desk]:
    """A desk over an empty gallery of embeddings of 8 values, threshold 0.3."""
    GalleryClient.create(service, key, dimension=8, threshold=0.3).close()
    with open_desk(service, key, tmp_path) as opened:
        yield opened


@pytest.fixture
def photo_desk(service: EmbeddedService, key: GalleryKey, tmp_path: Path) -> Iterator[Desk]:
    """A desk over an empty gallery for photos, of the model Dlib."""
    embedder = PhotoEmbedder("Dlib")
    GalleryClient.create(
        service, key, dimension=embedder.dimension, preprocessing=embedder.preprocessing
    ).close()
    with open_desk(service, key, tmp_path) as opened:
        yield opened

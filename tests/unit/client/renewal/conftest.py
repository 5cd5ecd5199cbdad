"""A gallery that is to be renewed."""

from __future__ import annotations

import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.parameters import STANDARD
from gallery.server import EmbeddedService
from tests.unit.client.renewal.renewing import DIMENSION, LABELS, PEOPLE, SIZES, enroll_into_blocks


@pytest.fixture
def filled(service: EmbeddedService, key: GalleryKey) -> GalleryClient:
    """A gallery of nine references in three blocks."""
    client = GalleryClient.create(
        service, key, dimension=DIMENSION, threshold=0.01, parameters=STANDARD
    )
    enroll_into_blocks(service, key, PEOPLE, LABELS, SIZES)
    client.close()
    return client

"""Former arguments of a service: each still works, and says its present name."""

from __future__ import annotations

import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.parameters import STANDARD
from gallery.protocol import GalleryService
from gallery.server import open_service
from tests.support.galleries import names, random_embeddings


def _make(service: GalleryService, key: GalleryKey) -> GalleryClient:
    """Make a gallery that either backend can search."""
    return GalleryClient.create(service, key, dimension=8, parameters=STANDARD)


@pytest.mark.parametrize("former", ["kernel", "reference"])
def test_the_backend_was_called_evaluator(former: str, database: str, key: GalleryKey) -> None:
    with pytest.warns(DeprecationWarning, match="'evaluator' .* called 'backend' now"):
        opened = open_service(database, create=True, evaluator=former)  # type: ignore[call-arg]
    with opened as service, _make(service, key) as client:
        embeddings = random_embeddings(2, 8)
        client.enroll(embeddings, names(2))

        assert client.identify(embeddings, threshold=0.1).decisions.all()


def test_the_size_of_the_cache_was_called_memory(database: str, key: GalleryKey) -> None:
    with pytest.warns(DeprecationWarning, match="'memory' .* called 'cache_size' now"):
        opened = open_service(database, create=True, memory=2**24)  # type: ignore[call-arg]
    with opened as service, _make(service, key) as client:
        client.enroll(random_embeddings(2, 8), names(2))
        client.identify(random_embeddings(1, 8), threshold=0.1)

        assert service.cache_statistics().blocks == 1

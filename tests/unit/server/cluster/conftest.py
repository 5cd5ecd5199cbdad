from __future__ import annotations

from collections.abc import Iterator

import pytest

from gallery.server import EmbeddedService, open_service
from tests.support.postgresql import postgresql, postgresql_server
from tests.support.searching import BLOCK_BYTES, fill
from tests.unit.server.cluster.workers import Workers, workers

__all__ = ["crew", "postgresql", "postgresql_server", "service", "url"]

BLOCKS = 12
AMPLE = 1000 * BLOCK_BYTES
"""Bytes of a cache that all blocks of a test fit into."""


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    """Two workers, shared by the tests of a module that kill none."""
    with workers(tmp_path_factory.mktemp("workers") / "log", 2) as running:
        yield running


@pytest.fixture
def url(database: str) -> str:
    """A database with a gallery of twelve blocks and one of a single block."""
    with open_service(database, create=True) as service:
        fill(service, 1, BLOCKS)
        fill(service, 2, 1)
    return database


@pytest.fixture
def service(crew: Workers, url: str) -> Iterator[EmbeddedService]:
    """A service whose searches run on two workers."""
    with open_service(url, cache_size=AMPLE, cluster=crew.address) as opened:
        yield opened

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gallery.client import FolderSync, GalleryClient, GalleryKey
from gallery.server import EmbeddedService
from tests.support.syncing import DIMENSION, ContentEmbedder, PeopleFolder


@pytest.fixture
def embedder() -> ContentEmbedder:
    """An embedder by content."""
    return ContentEmbedder()


@pytest.fixture
def client(
    service: EmbeddedService, key: GalleryKey, embedder: ContentEmbedder
) -> Iterator[GalleryClient]:
    """A client of an empty gallery for photos."""
    made = GalleryClient.create(
        service, key, dimension=DIMENSION, preprocessing=embedder.preprocessing
    )
    with made as opened:
        yield opened


@pytest.fixture
def people(tmp_path: Path) -> PeopleFolder:
    """An empty folder."""
    return PeopleFolder(tmp_path / "people")


@pytest.fixture
def ledgers(tmp_path: Path) -> Path:
    """The folder of ledgers, which is not there yet."""
    return tmp_path / "ledgers"


@pytest.fixture
def sync(
    client: GalleryClient, people: PeopleFolder, ledgers: Path, embedder: ContentEmbedder
) -> FolderSync:
    """What keeps gallery and folder in step."""
    return client.folder_sync(people.path, ledgers, embedder=embedder)

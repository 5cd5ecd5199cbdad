"""A gallery of two blocks with its backup, and a small one that tests may change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.parameters import COMPACT, STANDARD
from gallery.server import EmbeddedService, open_service
from tests.support.backup_files import COUNT, DIMENSION
from tests.support.galleries import names, random_embeddings


@pytest.fixture(scope="session")
def embeddings() -> np.ndarray:
    return random_embeddings(COUNT, DIMENSION)


@pytest.fixture(scope="session")
def original(
    tmp_path_factory: pytest.TempPathFactory, key: GalleryKey, embeddings: np.ndarray
) -> Iterator[GalleryClient]:
    """A gallery of two blocks; tests do not change it."""
    folder = tmp_path_factory.mktemp("original")
    with (
        open_service(f"sqlite:///{folder / 'gallery.db'}", create=True) as service,
        GalleryClient.create(
            service,
            key,
            "staff",
            dimension=DIMENSION,
            metric="euclidean",
            parameters=STANDARD,
            threshold=0.25,
        ) as client,
    ):
        client.enroll(embeddings, names(COUNT))
        yield client


@pytest.fixture(scope="session")
def whole(original: GalleryClient, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of its backup."""
    path = tmp_path_factory.mktemp("backup") / "staff.backup"
    original.export(path)
    return path.read_bytes()


@pytest.fixture
def backup(whole: bytes, tmp_path: Path) -> Path:
    """The file of its backup, which a test may damage."""
    path = tmp_path / "staff.backup"
    path.write_bytes(whole)
    return path


@pytest.fixture
def small(service: EmbeddedService, key: GalleryKey) -> Iterator[GalleryClient]:
    """A gallery of one block that a test may change."""
    with GalleryClient.create(service, key, dimension=DIMENSION, parameters=COMPACT) as client:
        client.enroll(random_embeddings(3, DIMENSION), names(3))
        yield client


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder."""
    made = tmp_path / "backups"
    made.mkdir()
    return made

"""Fixtures and helpers for tests that work with real galleries: a key, a database, a client.

Import the fixtures into a ``conftest.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gallery.arrays import Floats
from gallery.client import GalleryClient, GalleryKey
from gallery.parameters import STANDARD, SWIFT
from gallery.server import EmbeddedService, open_service


@pytest.fixture(scope="session")
def key() -> GalleryKey:
    """The owner's key."""
    return GalleryKey.generate()


@pytest.fixture(scope="session")
def other_key() -> GalleryKey:
    """Somebody else's key."""
    return GalleryKey.generate()


@pytest.fixture
def database(tmp_path: Path) -> str:
    """The URL of a database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'gallery.db'}"


@pytest.fixture
def service(database: str) -> Iterator[EmbeddedService]:
    """A service on an empty database."""
    with open_service(database, create=True) as opened:
        yield opened


@pytest.fixture
def client(service: EmbeddedService, key: GalleryKey) -> Iterator[GalleryClient]:
    """A client of an empty gallery for cosine distances of 8 values; small, so that it is quick."""
    with GalleryClient.create(service, key, dimension=8) as opened:
        yield opened


EACH_SCHEME = (STANDARD, SWIFT)
"""A parameter set of each scheme."""


@pytest.fixture(name="client", params=EACH_SCHEME, ids=lambda parameters: parameters.name)
def client_of_each_scheme(
    request: pytest.FixtureRequest, service: EmbeddedService, key: GalleryKey
) -> Iterator[GalleryClient]:
    """`client`, once with CKKS and once with the hinted scheme.

    Import it into the module whose tests shall run with both.
    """
    with GalleryClient.create(service, key, dimension=8, parameters=request.param) as opened:
        yield opened


def random_embeddings(count: int, dimension: int, seed: int = 0) -> Floats:
    """Return embeddings with values of a standard deviation of 1, shape (count, dimension)."""
    return np.random.default_rng(seed).normal(size=(count, dimension))


def names(count: int) -> list[str]:
    """Return as many different labels."""
    return [f"person {number}" for number in range(count)]

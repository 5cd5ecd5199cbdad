"""Keys for tests: real ones, each made once per run."""

from __future__ import annotations

import pytest

from gallery.client.keys.secrets import GalleryKey


@pytest.fixture(scope="session")
def key() -> GalleryKey:
    """Return the owner's key, with TenSEAL contexts for every parameter set."""
    return GalleryKey.generate()


@pytest.fixture(scope="session")
def other_key() -> GalleryKey:
    """Return somebody else's key: a master secret alone, for what needs no encryption."""
    return GalleryKey(bytes(range(32)), {})

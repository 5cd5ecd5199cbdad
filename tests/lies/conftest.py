from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from gallery.client import GalleryKey
from gallery.parameters import find_parameters
from gallery.server import open_service
from tests.support.galleries import database, key, other_key, service
from tests.support.lies import Scene
from tests.support.lying import Decryptions

__all__ = ["database", "key", "other_key", "service"]

Scenes = dict[str, Scene]


@pytest.fixture(scope="session")
def _scenes(key: GalleryKey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenes]:
    with ExitStack() as stack:
        made: Scenes = {}
        for name in ("swift", "light"):
            url = f"sqlite:///{tmp_path_factory.mktemp(name) / 'gallery.db'}"
            opened = stack.enter_context(open_service(url, create=True))
            made[name] = Scene.make(opened, key, find_parameters(name), url)
        yield made


@pytest.fixture(params=["swift", "light"])
def scene(request: pytest.FixtureRequest, _scenes: Scenes) -> Scene:
    """A gallery of two blocks of a hinted set, which tests search and do not change."""
    return _scenes[request.param]


@pytest.fixture
def decryptions(monkeypatch: pytest.MonkeyPatch) -> Decryptions:
    """Counts what is decrypted of results."""
    return Decryptions(monkeypatch)

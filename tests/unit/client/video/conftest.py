from __future__ import annotations

from tests.support.galleries import client, database, key, service
from tests.support.photos import deepface_home, london
from tests.unit.client.photos.conftest import dlib_embedder, write_fake_facenet

__all__ = [
    "client",
    "database",
    "deepface_home",
    "dlib_embedder",
    "key",
    "london",
    "service",
    "write_fake_facenet",
]

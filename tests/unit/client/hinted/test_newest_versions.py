"""The store of newest versions: values of a block are kept for its newest version alone."""

from __future__ import annotations

import gc
from functools import partial

import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.client.hinted.newest_versions import NewestVersions
from gallery.client.hinted.probe_cipher import OpenedBlock
from gallery.messages import BlockHeader
from gallery.parameters import LIGHT
from gallery.server import EmbeddedService
from tests.support.galleries import key, names, random_embeddings, service

__all__ = ["key", "service"]


def header(index: int, nonce: bytes) -> BlockHeader:
    return BlockHeader(
        gallery_id=bytes(16),
        index=index,
        version=1,
        parameters=LIGHT.name,
        dimension=1,
        occupancy=bytes(512),
        columns_digest=bytes(32),
        references_digest=bytes(32),
        columns=1,
        nonce=nonce.ljust(32),
    )


def test_a_version_is_computed_once_and_a_newer_one_takes_its_place() -> None:
    kept, computed = NewestVersions[str](), list[str]()

    def compute(value: str) -> str:
        computed.append(value)
        return value

    for index, nonce in ((0, b"a"), (1, b"b"), (0, b"a"), (0, b"c"), (0, b"c"), (1, b"b")):
        kept.of(header(index, nonce), partial(compute, f"{index}{nonce!r}"))

    assert computed == ["0b'a'", "1b'b'", "0b'c'"]
    assert len(kept) == 2


def test_blocks_that_are_dropped_are_forgotten() -> None:
    kept = NewestVersions[int]()
    for index in range(5):
        kept.of(header(index, b"a"), lambda: 0)

    kept.drop_from(2)

    assert len(kept) == 2


@pytest.fixture
def database(tmp_path: object) -> str:
    return f"sqlite:///{tmp_path}/gallery.db"


def opened_blocks() -> int:
    """Return how many blocks are kept opened by anybody."""
    gc.collect()
    return sum(type(item) is OpenedBlock for item in gc.get_objects())


def test_memory_does_not_grow_with_writes_and_searches(
    service: EmbeddedService, key: GalleryKey
) -> None:
    before = opened_blocks()
    with GalleryClient.create(service, key, dimension=2, parameters=LIGHT) as client:
        client.enroll(random_embeddings(4094 + 1, 2), names(4094 + 1))
        for seed in range(1, 4):
            client.enroll(random_embeddings(1, 2, seed=seed), ["one more"])
            client.identify(random_embeddings(1, 2), threshold=0.1)
        assert opened_blocks() - before == 2

        client.remove(["person 4094", "one more"])
        client.identify(random_embeddings(1, 2), threshold=0.1)
        assert opened_blocks() - before == 1

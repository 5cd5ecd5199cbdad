"""Blocks that are kept: which, how many, and never one that was replaced or erased."""

from __future__ import annotations

import gc
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.client import GalleryClient, GalleryKey
from gallery.errors import ErasurePendingError, GalleryNotFoundError, WriteConflictError
from gallery.messages import GalleryUpdate, Manifest
from gallery.server import open_service
from gallery.server.scanning.block_cache import BlockCache, ReadyBlock
from gallery.store import GalleryStore
from tests.support.builders import description, entry_of
from tests.support.galleries import names, random_embeddings
from tests.support.searching import (
    BLOCK_BYTES,
    assert_right,
    block_of,
    fill,
    gallery_id,
    manifest_of,
    request_of,
    rewrite,
    search,
    watched_service,
)

AMPLE = 1000 * BLOCK_BYTES


@pytest.fixture
def url(database: str) -> str:
    """A database with two galleries, of three blocks and of two."""
    with open_service(database, create=True) as service:
        fill(service, 1, blocks=3)
        fill(service, 2, blocks=2)
    return database


def ready_of(gallery: int, index: int, version: int = 2) -> ReadyBlock:
    item = block_of(gallery, index, version)
    return ReadyBlock(item.block, item.references)


def put(cache: BlockCache, *blocks: ReadyBlock) -> None:
    """Keep blocks as one search of their gallery would."""
    partition = cache.open(blocks[0].block.header.gallery_id)
    for ready in blocks:
        cache.put(partition, entry_of(ready.block.header), ready)


def held(cache: BlockCache, blocks: Sequence[ReadyBlock]) -> list[bool]:
    """Tell which blocks are there, without using any."""
    headers = [ready.block.header for ready in blocks]
    return [
        any(cache.holds(partition, entry_of(header)) for partition in cache._partitions.values())
        for header in headers
    ]


# --- what the cache keeps ---------------------------------------------------------------------


def test_what_is_kept_counts_its_residues_and_its_references() -> None:
    item = block_of(1, 0, 2, references=50)
    bare, whole = ReadyBlock(item.block, None), ReadyBlock(item.block, item.references)
    fields = sum(
        len(reference.sealed_label) + 3 * len(reference.reference_id)
        for reference in item.references
    )

    assert bare.size > BLOCK_BYTES
    assert whole.size - bare.size > fields

    cache = BlockCache(AMPLE)
    put(cache, bare)
    assert cache.statistics().bytes == bare.size
    put(cache, whole)
    assert (cache.statistics().blocks, cache.statistics().bytes) == (1, whole.size)


def test_a_budget_of_nothing_holds_nothing() -> None:
    cache = BlockCache(0)

    put(cache, ready_of(1, 0))

    assert (cache.statistics().blocks, cache.statistics().bytes) == (0, 0)


def test_the_gallery_that_was_searched_longest_ago_makes_room() -> None:
    old, recent, new = ready_of(1, 0), ready_of(2, 0), ready_of(3, 0)
    cache = BlockCache(2 * old.size)
    put(cache, recent)
    put(cache, old)
    cache.open(gallery_id(2))

    put(cache, new)

    assert held(cache, [old, recent, new]) == [False, True, True]
    assert cache.statistics().evictions == 1


def test_a_scan_of_more_than_the_budget_keeps_its_first_blocks_and_evicts_none_of_its_own() -> None:
    blocks = [ready_of(1, index) for index in range(6)]
    cache = BlockCache(3 * blocks[0].size)

    for _ in range(2):
        put(cache, *blocks)

        assert held(cache, blocks) == [True] * 3 + [False] * 3
        assert cache.statistics().evictions == 0


def test_a_block_that_is_too_large_evicts_nothing_in_vain() -> None:
    small, large = ready_of(1, 0), ReadyBlock(block_of(2, 0, 2, references=90).block, None)
    cache = BlockCache(small.size)
    put(cache, small)
    put(cache, ReadyBlock(large.block, block_of(2, 0, 2, references=90).references))

    assert held(cache, [small]) == [True]


def test_a_search_does_not_make_room_at_the_expense_of_a_later_one() -> None:
    mine, another = ready_of(1, 0), ready_of(2, 0)
    cache = BlockCache(mine.size)
    partition = cache.open(gallery_id(1))
    put(cache, another)

    cache.put(partition, entry_of(mine.block.header), mine)

    assert held(cache, [mine, another]) == [False, True]


def test_a_block_that_the_manifest_does_not_name_is_not_kept() -> None:
    cache = BlockCache(AMPLE)
    partition = cache.open(gallery_id(1))

    cache.put(partition, entry_of(block_of(1, 0, 3).block.header), ready_of(1, 0, version=2))

    assert cache.statistics().blocks == 0


def test_a_newer_version_takes_the_place_of_the_older() -> None:
    cache = BlockCache(AMPLE)
    older, newer = ready_of(1, 0, version=2), ready_of(1, 0, version=3)
    put(cache, older)
    put(cache, newer)

    assert held(cache, [older, newer]) == [False, True]


@given(
    budget=st.integers(0, 5 * BLOCK_BYTES),
    steps=st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3), st.integers(2, 3)), max_size=30),
)
def test_the_budget_is_kept_at_all_times(budget: int, steps: list[tuple[int, int, int]]) -> None:
    cache = BlockCache(budget)

    for step in steps:
        put(cache, ready_of(*step))

        statistics = cache.statistics()
        assert statistics.bytes <= budget
        assert statistics.blocks * BLOCK_BYTES <= statistics.bytes


def test_a_search_that_began_before_a_write_brings_nothing_back() -> None:
    cache = BlockCache(AMPLE)
    replaced, stays = ready_of(1, 0), ready_of(1, 1)
    partition = cache.open(gallery_id(1))
    cache.put(partition, entry_of(stays.block.header), stays)
    after = manifest_of(1, 3, [block_of(1, 0, 3), block_of(1, 1, 2)])

    cache.renew(gallery_id(1), after)
    cache.put(partition, entry_of(replaced.block.header), replaced)

    assert held(cache, [replaced, stays]) == [False, True]


def test_a_search_that_began_before_a_deletion_brings_nothing_back() -> None:
    cache = BlockCache(AMPLE)
    ready = ready_of(1, 0)
    partition = cache.open(gallery_id(1))

    cache.forget(gallery_id(1))
    cache.put(partition, entry_of(ready.block.header), ready)

    assert cache.statistics().blocks == 0


# --- the service on it --------------------------------------------------------------------------


def test_a_second_search_reads_no_block_and_gives_the_same(url: str) -> None:
    request = request_of(1, 5, 6)
    with watched_service(url, AMPLE) as (service, _):
        for _ in range(2):
            assert_right(service, request, search(service, request))

        statistics = service.cache_statistics()
    assert (statistics.misses, statistics.hits, statistics.blocks) == (3, 3, 3)
    assert 3 * BLOCK_BYTES < statistics.bytes < statistics.budget == AMPLE


def test_without_memory_each_search_reads_again(url: str) -> None:
    request = request_of(1)
    with watched_service(url) as (service, _):
        for _ in range(2):
            assert_right(service, request, search(service, request))

        statistics = service.cache_statistics()
    assert (statistics.misses, statistics.hits, statistics.bytes) == (6, 0, 0)


def test_memory_for_a_part_serves_that_part(url: str) -> None:
    request = request_of(1)
    with watched_service(url, 5 * BLOCK_BYTES // 2) as (service, _):
        for _ in range(3):
            assert_right(service, request, search(service, request))

        statistics = service.cache_statistics()
    assert (statistics.hits, statistics.misses, statistics.evictions) == (4, 5, 0)
    assert statistics.blocks == 2


def test_references_are_kept_once_they_were_asked_for(url: str) -> None:
    knowing, asking = request_of(1, known={0: 2, 1: 2, 2: 2}), request_of(1)
    with watched_service(url, AMPLE) as (service, _):
        sizes = []
        for request in (knowing, asking, knowing, asking):
            assert_right(service, request, search(service, request))
            sizes.append(service.cache_statistics().bytes)

        assert service.cache_statistics().misses == 3
    assert sizes[0] < sizes[1] == sizes[2] == sizes[3]


def assert_forgotten(scanned: Sequence[object]) -> None:
    gc.collect()
    assert scanned
    assert [reference() for reference in scanned] == [None] * len(scanned)  # type: ignore[operator]


@pytest.mark.parametrize("purge", [False, True])
def test_what_a_write_replaces_leaves_memory_at_once(url: str, purge: bool) -> None:
    with watched_service(url, AMPLE) as (service, evaluator):
        search(service, request_of(1))
        before, others = evaluator.columns[1], [evaluator.columns[i] for i in (0, 2)]

        rewrite(service, 1, 1, purge=purge)

        assert_forgotten([before])
        assert all(other() is not None for other in others)
        assert_right(service, request_of(1), search(service, request_of(1)))


def test_an_erased_template_is_in_no_cached_block(database: str, key: GalleryKey) -> None:
    with open_service(database, create=True) as made, GalleryClient.create(made, key, dimension=8):
        pass
    with (
        watched_service(database, 10**9) as (service, evaluator),
        GalleryClient(service, key) as client,
    ):
        client.enroll(random_embeddings(3, 8), names(3))
        client.identify(random_embeddings(1, 8), threshold=0.5)
        scanned = list(evaluator.columns)
        assert service.cache_statistics().blocks == 1

        client.remove(names(1))

        assert service.cache_statistics().blocks == 0
        assert_forgotten(scanned)
        found = client.identify(random_embeddings(3, 8), threshold=0.01)
        assert found.decisions.tolist() == [False, True, True]


def test_a_write_whose_erasure_is_pending_leaves_no_block_behind(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watched_service(url, AMPLE) as (service, evaluator):
        search(service, request_of(1))
        scanned = list(evaluator.columns)

        def pending(store: GalleryStore, *arguments: object) -> None:
            raise ErasurePendingError("traces remain")

        monkeypatch.setattr(GalleryStore, "apply", pending)
        with pytest.raises(ErasurePendingError):
            rewrite(service, 1, 0, purge=True)

        del pending
        assert_forgotten(scanned)


def test_a_write_that_is_refused_costs_no_block(url: str) -> None:
    with watched_service(url, AMPLE) as (service, _):
        search(service, request_of(1))
        stale = GalleryUpdate(1, manifest_of(1, 2, []), ())

        with pytest.raises(WriteConflictError):
            service.write(gallery_id(1), stale)

        assert service.cache_statistics().blocks == 3


def test_a_deleted_gallery_leaves_memory(url: str) -> None:
    with watched_service(url, AMPLE) as (service, evaluator):
        search(service, request_of(1))

        service.delete(gallery_id(1))

        assert_forgotten(evaluator.columns)
        with pytest.raises(GalleryNotFoundError):
            service.search(request_of(1))


def test_a_replaced_gallery_leaves_memory(url: str) -> None:
    with watched_service(url, AMPLE) as (service, evaluator):
        search(service, request_of(1))
        renamed = description(gallery_id=gallery_id(2), name="gallery 1")

        service.replace(gallery_id(1), 2, renamed, 2)

        assert_forgotten(evaluator.columns)


def test_what_another_process_writes_is_seen_by_the_next_search(url: str) -> None:
    with watched_service(url, AMPLE) as (service, evaluator), watched_service(url) as (other, _):
        search(service, request_of(1))
        before = evaluator.columns[1]
        rewrite(other, 1, 1, purge=True)

        assert_right(other, request_of(1), search(service, request_of(1)))

        assert_forgotten([before])
        statistics = service.cache_statistics()
        assert (statistics.blocks, statistics.hits, statistics.misses) == (3, 2, 4)


def test_a_gallery_that_another_process_puts_back_to_an_older_state_is_cached_anew(
    url: str,
) -> None:
    with watched_service(url, AMPLE) as (service, _), watched_service(url) as (other, _):
        rewrite(service, 1, 0)
        search(service, request_of(1))
        other.delete(gallery_id(1))
        fill(other, 1, blocks=3)

        for _ in range(2):
            assert_right(other, request_of(1), search(service, request_of(1)))

        assert service.cache_statistics().blocks == 3
        manifest = service.manifest(gallery_id(1))
        assert isinstance(manifest, Manifest)
        assert manifest.version == 2

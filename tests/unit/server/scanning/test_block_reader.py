"""The block reader gives what a manifest names, and brings nothing back that a write dropped."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from gallery.errors import BlockCorruptedError, GalleryNotFoundError
from gallery.messages import Manifest, ManifestEntry
from gallery.server import EmbeddedService, open_service
from gallery.server.scanning.block_cache import BlockCache
from gallery.server.scanning.block_reader import BLOCKS_AT_ONCE, BlockReader, blocks_at_once
from gallery.server.scanning.read_ahead import BLOCKS_AHEAD, ReadAheadReader, ReadAheadThreads
from gallery.store import GalleryStore, open_database
from tests.support.searching import BLOCK_BYTES, fill, gallery_id, rewrite

GALLERY = gallery_id(1)
BLOCKS = BLOCKS_AT_ONCE + 3
AMPLE = 1000 * BLOCK_BYTES


def all_references(_: ManifestEntry) -> bool:
    return True


@pytest.fixture
def service(database: str) -> Iterator[EmbeddedService]:
    """A service, without a cache of its own, with a gallery of some blocks."""
    with open_service(database, create=True) as opened:
        fill(opened, 1, BLOCKS)
        yield opened


@pytest.fixture
def store(service: EmbeddedService, database: str) -> Iterator[GalleryStore]:
    with open_database(database) as opened:
        yield GalleryStore(opened)


@pytest.fixture
def manifest(service: EmbeddedService) -> Manifest:
    return service.manifest(GALLERY)


@pytest.fixture
def cache() -> BlockCache:
    return BlockCache(AMPLE)


def groups(reader: BlockReader, entries: deque[ManifestEntry]) -> list[list[int]]:
    """Return the indices of the blocks of each group, to the end or to the first empty group."""
    found = []
    while group := reader.next_group(entries, all_references):
        found.append([ready.block.header.index for ready in group])
    return found


def read_all(store: GalleryStore, cache: BlockCache, manifest: Manifest) -> None:
    with closing(BlockReader(store, cache, GALLERY)) as reader:
        groups(reader, deque(manifest.entries))


def test_blocks_that_are_read_come_one_by_one_and_those_of_the_cache_together(
    store: GalleryStore, cache: BlockCache, manifest: Manifest
) -> None:
    first, second = deque(manifest.entries), deque(manifest.entries)
    with closing(BlockReader(store, cache, GALLERY)) as reader:
        assert groups(reader, first) == [[index] for index in range(BLOCKS)]
        assert groups(reader, second) == [[*range(8)], [*range(8, BLOCKS)]]

    assert not first
    assert not second


@pytest.mark.parametrize(
    ("probes", "blocks"), [(0, 32), (1, 32), (8, 32), (9, 28), (32, 8), (33, 8), (5000, 8)]
)
def test_the_fewer_probes_the_more_blocks_are_scanned_at_once(probes: int, blocks: int) -> None:
    assert blocks_at_once(probes) == blocks


def test_more_of_those_in_the_cache_come_together_if_it_is_asked_for(
    store: GalleryStore, cache: BlockCache, manifest: Manifest
) -> None:
    read_all(store, cache, manifest)
    with closing(BlockReader(store, cache, GALLERY)) as reader:
        group = reader.next_group(deque(manifest.entries), all_references, most=BLOCKS + 1)

    assert [ready.block.header.index for ready in group] == [*range(BLOCKS)]


def test_a_block_that_has_to_be_read_ends_a_group(
    store: GalleryStore, cache: BlockCache, manifest: Manifest
) -> None:
    read_all(store, cache, manifest)
    with closing(BlockReader(store, cache, GALLERY)) as reader:
        reader.keep([entry for entry in manifest.entries if entry.index != 2])

        assert groups(reader, deque(manifest.entries[:5])) == [[0, 1], [2], [3, 4]]


def test_blocks_and_references_are_those_of_the_database(
    service: EmbeddedService, store: GalleryStore, cache: BlockCache, manifest: Manifest
) -> None:
    with closing(BlockReader(store, cache, GALLERY)) as reader:
        bare = reader.read(manifest.entries[4], references=False)
        whole = reader.read(manifest.entries[4], references=True)

    assert bare is not None
    assert whole is not None
    assert (bare.references, whole.references) == (None, service.references(GALLERY, 4).table)
    assert whole.block is bare.block
    assert (whole.block.columns == service.block(GALLERY, 4).columns).all()


def test_a_version_that_the_database_does_not_name_any_more_is_left_in_the_queue(
    service: EmbeddedService, store: GalleryStore, cache: BlockCache, manifest: Manifest
) -> None:
    rewrite(service, 1, 1)
    entries = deque(manifest.entries[:3])
    with closing(BlockReader(store, cache, GALLERY)) as reader:
        assert groups(reader, entries) == [[0]]
        assert entries[0] == manifest.entries[1]
        entries.popleft()
        assert groups(reader, entries) == [[2]]


def test_what_the_cache_holds_is_given_after_the_gallery_is_gone_and_nothing_else(
    service: EmbeddedService, store: GalleryStore, cache: BlockCache, manifest: Manifest
) -> None:
    read_all(store, cache, replace(manifest, entries=manifest.entries[:2]))
    service.delete(GALLERY)
    entries = deque(manifest.entries)
    with closing(BlockReader(store, cache, GALLERY)) as reader:
        assert groups(reader, entries) == [[0, 1]]
        assert entries[0].index == 2
        with pytest.raises(GalleryNotFoundError):
            _ = reader.snapshot


def test_a_reader_of_an_older_state_does_not_bring_it_back_into_the_cache(
    service: EmbeddedService, store: GalleryStore, cache: BlockCache, manifest: Manifest
) -> None:
    with closing(BlockReader(store, cache, GALLERY)) as reader:
        assert reader.snapshot.manifest == manifest
        rewrite(service, 1, 0)
        cache.renew(GALLERY, service.manifest(GALLERY))

        # Still in its snapshot, and so given to the search that it belongs to.
        assert groups(reader, deque(manifest.entries[:1])) == [[0]]

    assert cache.statistics().blocks == 0


def test_a_block_that_was_read_ahead_is_read_once(
    store: GalleryStore, cache: BlockCache, manifest: Manifest
) -> None:
    entries = deque(manifest.entries)
    with (
        closing(ReadAheadThreads()) as thread,
        closing(ReadAheadReader(store, cache, GALLERY, thread)) as reader,
    ):
        assert reader.snapshot.manifest == manifest
        read = []
        while entries:
            reader.read_ahead(entries, all_references)
            read += reader.next_group(entries, all_references)

    assert [ready.block.header.index for ready in read] == [*range(BLOCKS)]
    assert all(ready.references is not None for ready in read)
    assert (cache.statistics().misses, cache.statistics().blocks) == (BLOCKS, BLOCKS)


def test_blocks_that_another_pass_has_brought_meanwhile_make_room_for_later_ones(
    store: GalleryStore, cache: BlockCache, manifest: Manifest
) -> None:
    entries = deque(manifest.entries)
    with (
        closing(ReadAheadThreads()) as thread,
        closing(ReadAheadReader(store, cache, GALLERY, thread)) as reader,
    ):
        assert reader.snapshot.manifest == manifest
        reader.read_ahead(entries, all_references)
        read_all(store, cache, replace(manifest, entries=manifest.entries[:BLOCKS_AHEAD]))
        found = groups(reader, entries)

    assert found == [[0, 1], *([index] for index in range(BLOCKS_AHEAD, BLOCKS))]


def test_a_damaged_block_that_was_read_ahead_is_refused_where_it_is_asked_for(
    store: GalleryStore, manifest: Manifest, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "gallery.db")) as connection, connection:
        connection.execute(
            "UPDATE block SET columns = zeroblob(length(columns)) WHERE block_index = 2"
        )
    entries = deque(manifest.entries)
    with (
        closing(ReadAheadThreads()) as thread,
        closing(ReadAheadReader(store, BlockCache(0), GALLERY, thread)) as reader,
    ):
        assert reader.snapshot.manifest == manifest
        assert [len(reader.next_group(entries, all_references)) for _ in range(2)] == [1, 1]
        with pytest.raises(BlockCorruptedError, match="block 2 is damaged"):
            reader.next_group(entries, all_references)


def test_readers_that_share_threads_take_turns_and_get_their_own(
    service: EmbeddedService, store: GalleryStore, cache: BlockCache, manifest: Manifest
) -> None:
    fill(service, 2, 2)
    other_manifest = service.manifest(gallery_id(2))
    with (
        closing(ReadAheadThreads()) as thread,
        closing(ReadAheadReader(store, cache, GALLERY, thread)) as one,
        closing(ReadAheadReader(store, cache, gallery_id(2), thread)) as other,
    ):
        assert one.snapshot.manifest == manifest
        assert other.snapshot.manifest == other_manifest
        one.read_ahead(manifest.entries, all_references)
        other.read_ahead(other_manifest.entries, all_references)  # the threads are taken

        theirs = other.next_group(deque(other_manifest.entries), all_references)
        ours = one.next_group(deque(manifest.entries), all_references)

    assert [ready.block.header.gallery_id for ready in theirs + ours] == [gallery_id(2), GALLERY]

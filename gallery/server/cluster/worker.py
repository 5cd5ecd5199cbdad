"""What runs on a worker: its share of the blocks, kept in memory, and the comparison with it.

Everything here is called by Dask. The functions at the end are what a server asks for by name.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from weakref import WeakSet

from gallery.errors import GalleryNotFoundError
from gallery.evaluator import make_evaluator
from gallery.messages import BlockResult, EncryptedProbe, Manifest, ManifestEntry
from gallery.server.cluster.placement import shares
from gallery.server.scanning.block_cache import BlockCache, CacheStatistics, ReadyBlock
from gallery.server.scanning.scanner import BLOCKS_AT_ONCE, compare
from gallery.store import GalleryStore, Snapshot, open_database


@dataclass(frozen=True)
class ShardKey:
    """What a server tells workers about where they work.

    Attributes
    ----------
    database
        SQLAlchemy's URL of the shared database, its password included if it has one.
    backend
        What compares.
    cache_size
        Bytes that blocks may take on each worker that are kept ready to scan.
    """

    database: str = field(repr=False)
    backend: str
    cache_size: int


@dataclass(frozen=True, eq=False)
class PassContent:
    """What the tasks of one pass have in common; a worker receives it once.

    Attributes
    ----------
    shard_key
        Where to work.
    manifest
        The state of the gallery that the pass sees, as a message.
    probes
        The probes, as messages.
    workers
        Addresses of the workers that the blocks are divided among.
    """

    shard_key: ShardKey
    manifest: bytes
    probes: tuple[bytes, ...]
    workers: tuple[str, ...]

    def __reduce__(self) -> tuple[type[PassContent], tuple[object, ...]]:
        # Not what was read from the messages: another worker reads them itself.
        return PassContent, (self.shard_key, self.manifest, self.probes, self.workers)

    @cached_property
    def opened_manifest(self) -> Manifest:
        """The manifest."""
        return Manifest.from_bytes(self.manifest)

    @cached_property
    def opened_probes(self) -> tuple[EncryptedProbe, ...]:
        """The probes, their uniform halves expanded."""
        return tuple(EncryptedProbe.from_bytes(probe) for probe in self.probes)


class Shard:
    """A worker's blocks of one database.

    Parameters
    ----------
    shard_key
        Where to work.

    Raises
    ------
    DatabaseError, SchemaVersionError
        If the worker cannot open the database.
    """

    def __init__(self, shard_key: ShardKey) -> None:
        self._opened = ExitStack()
        self._store = GalleryStore(self._opened.enter_context(open_database(shard_key.database)))
        self._evaluator = make_evaluator(shard_key.backend)
        self._cache_size = shard_key.cache_size
        self._begun: WeakSet[PassContent] = WeakSet()
        self.cache = BlockCache(shard_key.cache_size)

    def compare(
        self,
        content: PassContent,
        entries: Sequence[ManifestEntry],
        references: Collection[int],
        worker: str,
    ) -> list[BlockResult | None]:
        """Compare blocks with the probes of a pass; see `compare_shard`."""
        if content not in self._begun:
            self._keep_share(content, worker)
            self._begun.add(content)
        results: list[BlockResult | None] = []
        with ExitStack() as opened:
            blocks = _Blocks(self._store, self.cache, content.opened_manifest.gallery_id, opened)
            group: list[ReadyBlock] = []
            for entry in entries:
                kept = blocks.is_ready(entry)
                if group and (not kept or len(group) == BLOCKS_AT_ONCE):
                    results += compare(group, content.opened_probes, self._evaluator)
                    group = []
                found = blocks.read(entry, entry.index in references)
                if found is None:
                    results += compare(group, content.opened_probes, self._evaluator)
                    results.append(None)
                    group = []
                else:
                    group.append(found)
            results += compare(group, content.opened_probes, self._evaluator)
        return results

    def clear(self) -> None:
        """Drop all blocks."""
        self.cache = BlockCache(self._cache_size)

    def _keep_share(self, content: PassContent, worker: str) -> None:
        """Drop what the manifest does not name, and what is for another worker to hold."""
        manifest = content.opened_manifest
        share = shares(manifest.gallery_id, manifest.entries, content.workers).get(worker, [])
        self.cache.keep(self.cache.open(manifest.gallery_id), share)


class _Blocks:
    """Blocks for one task: from the cache, or from the database as it is now."""

    def __init__(
        self, store: GalleryStore, cache: BlockCache, gallery_id: bytes, opened: ExitStack
    ) -> None:
        self._store, self._cache, self._gallery_id = store, cache, gallery_id
        self._shelf = cache.open(gallery_id)  # before the snapshot
        self._opened = opened

    @cached_property
    def _snapshot(self) -> Snapshot | None:
        """The gallery now; None if it is not there any more."""
        try:
            return self._opened.enter_context(self._store.snapshot(self._gallery_id))
        except GalleryNotFoundError:
            return None

    def is_ready(self, entry: ManifestEntry) -> bool:
        """Tell whether a block is in the cache."""
        return self._cache.holds(self._shelf, entry)

    def read(self, entry: ManifestEntry, references: bool) -> ReadyBlock | None:
        """Return a block; None if the gallery has moved on and names another version of it."""
        found = self._cache.get(self._shelf, entry)
        if found is not None and (found.references is not None or not references):
            return found
        snapshot = self._snapshot
        if snapshot is None or not _names(snapshot.manifest, entry):
            return None
        # What is stored in the place of a block that the manifest names is given out even if its
        # header tells another story. Who has tampered with it is for the key owner to find out.
        block = snapshot.block(entry.index) if found is None else found.block
        table = snapshot.references(entry.index, block.header.version) if references else None
        ready = ReadyBlock(block, table)
        self._cache.put(self._shelf, entry, ready)
        return ready


def _names(manifest: Manifest, entry: ManifestEntry) -> bool:
    return entry.index < len(manifest.entries) and manifest.entries[entry.index] == entry


_shards: dict[ShardKey, Shard] = {}
_lock = threading.Lock()


def compare_shard(
    content: PassContent,
    entries: Sequence[ManifestEntry],
    references: Collection[int],
    worker: str,
) -> list[BlockResult | None]:
    """Compare some blocks of a gallery with the probes of a pass.

    Parameters
    ----------
    content
        The pass.
    entries
        The blocks, as the manifest of the pass names them; there may be none, if the worker is
        only to drop what it does not need to hold any more.
    references
        Indices of the blocks whose references are asked for.
    worker
        Address of the worker that this is meant for.

    Returns
    -------
    list of (BlockResult or None)
        In the order of the blocks; None for one that the database has in another version by now.

    Raises
    ------
    BlockCorruptedError, MissingBlockError, DatabaseError
        If a block cannot be had.
    """
    with _lock:
        shard = _shards.get(content.shard_key)
        if shard is None:
            shard = _shards[content.shard_key] = Shard(content.shard_key)
    return shard.compare(content, entries, references, worker)


def renew(gallery_id: bytes, manifest: bytes) -> None:
    """Drop what the new manifest of a gallery, a message, does not name."""
    opened = Manifest.from_bytes(manifest)
    for shard in _all():
        shard.cache.renew(gallery_id, opened)


def forget(gallery_id: bytes) -> None:
    """Drop all blocks of a gallery."""
    for shard in _all():
        shard.cache.forget(gallery_id)


def clear() -> None:
    """Drop all blocks of all galleries."""
    for shard in _all():
        shard.clear()


def statistics(shard_key: ShardKey) -> CacheStatistics | None:
    """Return what the worker keeps; None if it has not worked there yet."""
    shard = _shards.get(shard_key)
    return None if shard is None else shard.cache.statistics()


def _all() -> list[Shard]:
    # Of all servers that share the cluster: what is erased is erased for each of them.
    return list(_shards.values())

"""The program of a worker, which keeps a share of the blocks in memory and compares probes with it.

Everything here is called by Dask. The functions at the end are those that a server submits.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import cached_property
from weakref import WeakSet

from gallery.evaluator import make_evaluator
from gallery.messages import BlockResult, EncryptedProbe, Manifest, ManifestEntry
from gallery.server.cluster.placement import place_blocks
from gallery.server.scanning.block_cache import BlockCache, CacheStatistics
from gallery.server.scanning.block_reader import BlockReader, blocks_at_once
from gallery.server.scanning.block_results import compute_results
from gallery.store import GalleryStore, open_database


@dataclass(frozen=True)
class WorkerConfig:
    """The configuration of a worker: what it needs to open the database and to compare.

    Attributes
    ----------
    database
        SQLAlchemy's URL of the shared database, its password included if it has one.
    backend
        Name of the backend that compares.
    cache_size
        Bytes that blocks may take on each worker that are kept ready to scan.
    """

    database: str = field(repr=False)
    backend: str
    cache_size: int


@dataclass(frozen=True, eq=False)
class PassContext:
    """The context that the tasks of one pass share; a worker receives it once.

    Attributes
    ----------
    config
        What the worker needs to open the database and to compare.
    manifest
        The state of the gallery that the pass sees, as a message.
    probes
        The probes, as messages.
    workers
        Addresses of the workers that the blocks are divided among.
    """

    config: WorkerConfig
    manifest: bytes
    probes: tuple[bytes, ...]
    workers: tuple[str, ...]

    def __reduce__(self) -> tuple[type[PassContext], tuple[object, ...]]:
        # Without what was parsed out of the messages: another worker parses them itself.
        return PassContext, (self.config, self.manifest, self.probes, self.workers)

    @cached_property
    def parsed_manifest(self) -> Manifest:
        """The manifest."""
        return Manifest.from_bytes(self.manifest)

    @cached_property
    def parsed_probes(self) -> tuple[EncryptedProbe, ...]:
        """The probes, their uniform halves expanded."""
        return tuple(EncryptedProbe.from_bytes(probe) for probe in self.probes)


class Shard:
    """A worker's blocks of one database.

    Parameters
    ----------
    config
        What the worker needs to open the database and to compare.

    Raises
    ------
    DatabaseError, SchemaVersionError
        If the worker cannot open the database.
    """

    def __init__(self, config: WorkerConfig) -> None:
        self._opened = ExitStack()
        self._store = GalleryStore(self._opened.enter_context(open_database(config.database)))
        self._evaluator = make_evaluator(config.backend)
        self._cache_size = config.cache_size
        self._begun: WeakSet[PassContext] = WeakSet()
        self.cache = BlockCache(config.cache_size)

    def compare(
        self,
        context: PassContext,
        entries: Sequence[ManifestEntry],
        references: Collection[int],
        worker: str,
    ) -> list[BlockResult | None]:
        """Compare blocks with the probes of a pass; see `compare_shard`."""
        manifest = context.parsed_manifest
        left, results = deque(entries), list[BlockResult | None]()
        with closing(BlockReader(self._store, self.cache, manifest.gallery_id)) as reader:
            if context not in self._begun:
                # Drop what the manifest does not name, and what another worker holds.
                divided = place_blocks(manifest.gallery_id, manifest.entries, context.workers)
                reader.keep(divided.get(worker, []))
                self._begun.add(context)
            while left:
                blocks = reader.next_group(
                    left,
                    lambda entry: entry.index in references,
                    blocks_at_once(len(context.parsed_probes)),
                )
                results += compute_results(blocks, context.parsed_probes, self._evaluator)
                if not blocks:
                    left.popleft()
                    results.append(None)
        return results

    def clear(self) -> None:
        """Drop all blocks."""
        self.cache = BlockCache(self._cache_size)


_shards: dict[WorkerConfig, Shard] = {}
_lock = threading.Lock()


def compare_shard(
    context: PassContext,
    entries: Sequence[ManifestEntry],
    references: Collection[int],
    worker: str,
) -> list[BlockResult | None]:
    """Compare some blocks of a gallery with the probes of a pass.

    Parameters
    ----------
    context
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
        shard = _shards.get(context.config)
        if shard is None:
            shard = _shards[context.config] = Shard(context.config)
    return shard.compare(context, entries, references, worker)


def renew(gallery_id: bytes, manifest: bytes) -> None:
    """Drop what the new manifest of a gallery, a message, does not name."""
    opened = Manifest.from_bytes(manifest)
    for shard in _all_shards():
        shard.cache.renew(gallery_id, opened)


def forget(gallery_id: bytes) -> None:
    """Drop all blocks of a gallery."""
    for shard in _all_shards():
        shard.cache.forget(gallery_id)


def clear() -> None:
    """Drop all blocks of all galleries."""
    for shard in _all_shards():
        shard.clear()


def statistics(config: WorkerConfig) -> CacheStatistics | None:
    """Return the figures of the worker's cache; None if it has no shard of that database yet."""
    shard = _shards.get(config)
    return None if shard is None else shard.cache.statistics()


def _all_shards() -> list[Shard]:
    # Of all servers that share the cluster, since a reference is erased for each of them.
    return list(_shards.values())

"""What runs on a worker: its share of the blocks, kept in memory, and the comparison with it.

Everything here is called by Dask. The functions at the end are what a server asks for by name.
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
from gallery.server.cluster.placement import shares
from gallery.server.scanning.block_cache import BlockCache, CacheStatistics
from gallery.server.scanning.block_reader import BlockReader
from gallery.server.scanning.block_results import compute_results
from gallery.store import GalleryStore, open_database


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
        manifest = content.opened_manifest
        left, results = deque(entries), list[BlockResult | None]()
        with closing(BlockReader(self._store, self.cache, manifest.gallery_id)) as reader:
            if content not in self._begun:
                # What the manifest does not name, and what is for another worker to hold, goes.
                divided = shares(manifest.gallery_id, manifest.entries, content.workers)
                reader.keep(divided.get(worker, []))
                self._begun.add(content)
            while left:
                blocks = reader.next_group(left, lambda entry: entry.index in references)
                results += compute_results(blocks, content.opened_probes, self._evaluator)
                if not blocks:
                    left.popleft()
                    results.append(None)
        return results

    def clear(self) -> None:
        """Drop all blocks."""
        self.cache = BlockCache(self._cache_size)


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

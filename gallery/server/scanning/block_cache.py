"""The block cache: blocks that were read from the database and checked, ready to scan.

A search asks for what the manifest of its snapshot names: index, version and authentication code
of each block. So the cache never gives an old version for a new one, whichever process wrote that.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile

from gallery.messages import EncryptedBlock, Manifest, ManifestEntry, ReferenceTable


@dataclass(frozen=True, eq=False)
class ReadyBlock:
    """A block whose digest and residues were checked.

    Attributes
    ----------
    block
        The block.
    references
        Its references, or None as long as no search has asked for them.
    """

    block: EncryptedBlock
    references: ReferenceTable | None

    def is_named_by(self, entry: ManifestEntry) -> bool:
        """Tell whether this is the block, in the version, that a manifest's entry names."""
        header = self.block.header
        return (header.index, header.version, header.mac) == (
            entry.index,
            entry.version,
            entry.block_mac,
        )

    @cached_property
    def size(self) -> int:
        """Bytes that the block takes in memory, its references included."""
        references = 0 if self.references is None else self.references.nbytes
        return self.block.columns.nbytes + len(self.block.header.to_bytes()) + references


@dataclass(frozen=True)
class CacheStatistics:
    """Figures of a cache: what it holds now, and what it has done since it was made.

    Attributes
    ----------
    hits, misses
        Blocks that searches found in the cache, and that they had to read.
    evictions
        Blocks that were dropped to make room for others.
    bytes, blocks
        What the cache holds now.
    budget
        Bytes that it may hold.
    """

    hits: int
    misses: int
    evictions: int
    bytes: int
    blocks: int
    budget: int


@dataclass(eq=False)
class CachePartition:
    """A gallery's part of the cache, from one write to the gallery to the next.

    Only the cache, which makes partitions, looks into them.
    """

    gallery_id: bytes
    blocks: dict[int, ReadyBlock] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Bytes that the blocks take."""
        return sum(ready.size for ready in self.blocks.values())

    def drop_all_but(self, entries: Iterable[ManifestEntry]) -> None:
        """Drop the blocks that these entries of a manifest do not name."""
        named = {entry.index: entry for entry in entries}
        for index, ready in list(self.blocks.items()):
            if index not in named or not ready.is_named_by(named[index]):
                del self.blocks[index]


class BlockCache:
    """Keeps blocks under a budget of bytes; any number of threads may share it.

    Room is made at the expense of the gallery that was searched longest ago. A gallery never makes
    room at its own expense, nor at that of one that was searched after it: a scan of more blocks
    than the budget holds would evict each of them right before it is needed again. Instead the
    first blocks stay, and each search reads the rest.

    Parameters
    ----------
    budget
        Bytes that may be held; 0 holds nothing.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._lock = threading.Lock()
        self._partitions: OrderedDict[bytes, CachePartition] = OrderedDict()
        self._hits = self._misses = self._evictions = 0

    def open(self, gallery_id: bytes) -> CachePartition:
        """Return a gallery's partition, for one search, as the most recently used one.

        It must be called before the search's snapshot is opened. A write to the gallery gives the
        gallery another partition, so that a search that began before the write cannot bring back
        what it erased.
        """
        with self._lock:
            partition = self._partitions.setdefault(gallery_id, CachePartition(gallery_id))
            self._partitions.move_to_end(gallery_id)
            return partition

    def keep(self, partition: CachePartition, entries: Iterable[ManifestEntry]) -> None:
        """Drop the blocks that these entries of a search's manifest do not name.

        Another process has replaced them, or they are not for this process to hold any more.
        """
        with self._lock:
            partition.drop_all_but(entries)

    def holds(self, partition: CachePartition, entry: ManifestEntry) -> bool:
        """Tell whether a block is in the cache, in the version that the entry names."""
        with self._lock:
            return self._find(partition, entry) is not None

    def get(self, partition: CachePartition, entry: ManifestEntry) -> ReadyBlock | None:
        """Return a block in the version that the entry names, or None; a hit or a miss."""
        with self._lock:
            found = self._find(partition, entry)
            self._hits += found is not None
            self._misses += found is None
            return found

    def put(self, partition: CachePartition, entry: ManifestEntry, ready: ReadyBlock) -> None:
        """Keep a block that was read, if the entry names it and there is room."""
        size = ready.size
        with self._lock:
            current = self._partitions.get(partition.gallery_id) is partition
            if not current or not ready.is_named_by(entry):
                return
            former = partition.blocks.pop(entry.index, None)
            if self._make_room(partition, size):
                partition.blocks[entry.index] = ready
            elif former is not None and former.is_named_by(entry):
                partition.blocks[entry.index] = former

    def renew(self, gallery_id: bytes, manifest: Manifest) -> None:
        """Drop the blocks that a gallery's new manifest does not name any more."""
        with self._lock:
            former = self._partitions.get(gallery_id)
            if former is not None:
                former.drop_all_but(manifest.entries)
                self._partitions[gallery_id] = CachePartition(gallery_id, former.blocks)

    def forget(self, gallery_id: bytes) -> None:
        """Drop all blocks of a gallery."""
        with self._lock:
            former = self._partitions.pop(gallery_id, None)
            if former is not None:
                former.blocks.clear()

    def statistics(self) -> CacheStatistics:
        """Return the figures of this moment."""
        with self._lock:
            return CacheStatistics(
                hits=self._hits,
                misses=self._misses,
                evictions=self._evictions,
                bytes=self._held(),
                blocks=sum(len(partition.blocks) for partition in self._partitions.values()),
                budget=self._budget,
            )

    def _held(self) -> int:
        return sum(partition.bytes for partition in self._partitions.values())

    def _find(self, partition: CachePartition, entry: ManifestEntry) -> ReadyBlock | None:
        found = partition.blocks.get(entry.index)
        return found if found is not None and found.is_named_by(entry) else None

    def _make_room(self, partition: CachePartition, size: int) -> bool:
        """Evict blocks of the galleries used before this one, if that gives room."""
        older = list(takewhile(lambda other: other is not partition, self._partitions.values()))
        if self._held() - sum(other.bytes for other in older) + size > self._budget:
            return False
        for other in older:
            while other.blocks and self._held() + size > self._budget:
                # From the end: the next search reads the blocks at the beginning first.
                del other.blocks[max(other.blocks)]
                self._evictions += 1
        return True

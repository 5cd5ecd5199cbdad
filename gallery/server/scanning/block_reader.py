"""The block reader: blocks of one gallery, from the cache or out of a snapshot of the database."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from threading import Lock

from gallery.errors import GalleryNotFoundError
from gallery.messages import EncryptedBlock, ManifestEntry
from gallery.server.scanning.block_cache import BlockCache, ReadyBlock
from gallery.server.scanning.huge_pages import in_huge_pages
from gallery.store import GalleryStore, Snapshot

BLOCKS_AT_ONCE = 8
"""Blocks in memory that are scanned at once however many probes they meet; what the kernel makes
the most of."""

_MOST_AT_ONCE = 32
"""Blocks that are scanned at once for few probes. To begin a scan on two threads takes as long as
to scan one block, which so many make up for."""

_RESULTS_AT_ONCE = 256
"""Results of more blocks than those that are in memory at once before they are packed."""


def blocks_at_once(probes: int) -> int:
    """Return how many blocks in memory are scanned at once for so many probes."""
    return max(BLOCKS_AT_ONCE, min(_MOST_AT_ONCE, _RESULTS_AT_ONCE // max(1, probes)))


WantsReferences = Callable[[ManifestEntry], bool]
"""Tells whether the references of a block are asked for."""


class BlockReader:
    """Reads the blocks that a manifest of one gallery names.

    A reader belongs to one thread. It opens its partition of the cache before its snapshot, so that
    a block which it reads from the snapshot cannot come into the cache after a write has dropped it
    from there.

    Parameters
    ----------
    store
        The galleries of a database.
    cache
        Where blocks are kept ready to scan.
    gallery_id
        The gallery.
    """

    def __init__(self, store: GalleryStore, cache: BlockCache, gallery_id: bytes) -> None:
        self._store, self._cache, self._gallery_id = store, cache, gallery_id
        self._partition = cache.open(gallery_id)
        self._opened = ExitStack()
        # A copy into huge pages takes longer than the one scan that it would make quicker.
        self._keeps = cache.statistics().budget > 0
        # A database connection is for one thread at a time.
        self._reading = Lock()

    @cached_property
    def snapshot(self) -> Snapshot:
        """The state of the gallery when this was first asked for, and until the reader is closed.

        Raises
        ------
        GalleryNotFoundError, DatabaseError
            If there is no such gallery, or the database fails.
        """
        return self._opened.enter_context(self._store.snapshot(self._gallery_id))

    def keep(self, entries: Iterable[ManifestEntry]) -> None:
        """Drop from the cache what these entries of a manifest do not name."""
        self._cache.keep(self._partition, entries)

    def is_ready(self, entry: ManifestEntry) -> bool:
        """Tell whether a block is in the cache."""
        return self._cache.holds(self._partition, entry)

    def next_group(
        self,
        entries: deque[ManifestEntry],
        wants_references: WantsReferences,
        most: int = BLOCKS_AT_ONCE,
    ) -> list[ReadyBlock]:
        """Take entries off a queue and return their blocks, which are to be scanned at once.

        Several blocks come together if they are in the cache; one that has to be read comes alone.

        Parameters
        ----------
        entries
            What is left to scan, in order.
        wants_references
            Tells whether the references of a block are asked for.
        most
            How many may come together; see `blocks_at_once`.

        Returns
        -------
        list of ReadyBlock
            At most so many, in order. None if no entry is left, or if the first one, which
            then stays in the queue, names another version than the snapshot does.

        Raises
        ------
        MissingBlockError, BlockCorruptedError, DatabaseError
            If a block cannot be had.
        """
        group: list[ReadyBlock] = []
        while entries and len(group) < most:
            ready = self.is_ready(entries[0])
            if group and not ready:
                break
            block = self.read(entries[0], references=wants_references(entries[0]))
            if block is None:
                break
            entries.popleft()
            group.append(block)
            if not ready:
                break
        return group

    def read(self, entry: ManifestEntry, *, references: bool) -> ReadyBlock | None:
        """Return a block, with its references if they are asked for.

        Returns
        -------
        ReadyBlock or None
            None if the block is not in the cache and the snapshot names another version of it.

        Raises
        ------
        MissingBlockError, BlockCorruptedError, DatabaseError
            If the block cannot be had.
        """
        found = self._cache.get(self._partition, entry)
        if found is not None and (found.references is not None or not references):
            return found
        if not self._is_current(entry):
            return None
        # A block that is stored in the place of the one that the manifest names is given out even
        # if its header tells another story: tampering is for the key owner to find.
        block = self._load(entry, None if found is None else found.block, references)
        self._cache.put(self._partition, entry, block)
        return block

    def close(self) -> None:
        """Close the snapshot."""
        self._opened.close()

    def _is_current(self, entry: ManifestEntry) -> bool:
        """Tell whether the snapshot names the block in this version."""
        try:
            entries = self.snapshot.manifest.entries
        except GalleryNotFoundError:
            return False
        return entry.index < len(entries) and entries[entry.index] == entry

    def _load(
        self, entry: ManifestEntry, block: EncryptedBlock | None, references: bool
    ) -> ReadyBlock:
        """Read from the snapshot what is missing of a block; any thread may."""
        found, table = block, None
        with self._reading:
            if found is None:
                found = self.snapshot.block(entry.index, checked=False)
            if references:
                table = self.snapshot.references(entry.index, found.header.version)
        if block is None:
            found.check()
            if self._keeps:
                found = replace(found, columns=in_huge_pages(found.columns))
        return ReadyBlock(found, table)

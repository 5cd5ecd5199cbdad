"""Reading the blocks of one snapshot: from the cache, from the database, and one ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial

from gallery.messages import EncryptedBlock, ManifestEntry
from gallery.server.scanning.block_cache import BlockCache, GalleryShelf, ReadyBlock
from gallery.store import Snapshot

Wanted = Callable[[ManifestEntry], bool]
"""Tells whether the references of a block are asked for."""


class ReadAhead:
    """A thread that reads one block while another is scanned.

    It is shared by all that is scanned in turns, and holds one block at a time. So with the one
    that is being scanned, two blocks are in memory beyond what the cache may hold.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self._taken = False

    def begin(self, read: Callable[[], ReadyBlock]) -> Future[ReadyBlock] | None:
        """Begin to read, unless what was read ahead before has not been fetched yet."""
        if self._taken:
            return None
        self._taken = True
        return self._executor.submit(read)

    def end(self) -> None:
        """Let the next one begin."""
        self._taken = False

    def close(self) -> None:
        """End the thread."""
        self._executor.shutdown()


@dataclass(frozen=True)
class _Pending:
    entry: ManifestEntry
    ready: Future[ReadyBlock]


class BlockReader:
    """Reads what the manifest of a snapshot names.

    A database connection is for one thread at a time. So while a block is read ahead, nothing else
    is read from the snapshot. The reader itself belongs to the thread that scans.

    Parameters
    ----------
    snapshot
        What to read from.
    cache, shelf
        Where blocks are kept, and the gallery's part of it.
    ahead
        What reads ahead.
    """

    def __init__(
        self, snapshot: Snapshot, cache: BlockCache, shelf: GalleryShelf, ahead: ReadAhead
    ) -> None:
        self._snapshot, self._cache, self._shelf, self._ahead = snapshot, cache, shelf, ahead
        self._pending: _Pending | None = None

    def is_ready(self, entry: ManifestEntry) -> bool:
        """Tell whether a block is in the cache."""
        return self._cache.holds(self._shelf, entry)

    def read(self, entry: ManifestEntry, *, references: bool) -> ReadyBlock:
        """Return a block, and its references if they are asked for.

        Raises
        ------
        MissingBlockError, BlockCorruptedError, DatabaseError
            If it cannot be had.
        """
        found = self._cache.get(self._shelf, entry)
        if found is None or (references and found.references is None):
            found = self._fetch(entry, found, references)
            self._cache.put(self._shelf, entry, found)
        return found

    def read_ahead(self, entries: Iterable[ManifestEntry], references: Wanted) -> None:
        """Begin to read the first of these blocks that is not in the cache."""
        if self._pending is not None:
            return
        for entry in entries:
            if not self.is_ready(entry):
                ready = self._ahead.begin(partial(self._load, entry, None, references(entry)))
                self._pending = None if ready is None else _Pending(entry, ready)
                return

    def close(self) -> None:
        """Wait until nothing reads from the snapshot any more."""
        if self._pending is not None:
            wait([self._pending.ready])
            self._pending = None
            self._ahead.end()

    def _fetch(
        self, entry: ManifestEntry, found: ReadyBlock | None, references: bool
    ) -> ReadyBlock:
        if self._pending is not None:
            wait([self._pending.ready])
            if self._pending.entry == entry:
                ready, self._pending = self._pending.ready, None
                self._ahead.end()
                return ready.result()
        return self._load(entry, None if found is None else found.block, references)

    def _load(
        self, entry: ManifestEntry, block: EncryptedBlock | None, references: bool
    ) -> ReadyBlock:
        if block is None:
            block = self._snapshot.block(entry.index)
        if not references:
            return ReadyBlock(block, None)
        table = self._snapshot.references(entry.index, block.header.version)
        return ReadyBlock(block, table)

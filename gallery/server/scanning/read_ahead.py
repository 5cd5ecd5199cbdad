"""Read-ahead: while one block is scanned, the next one is checked, and the one after it read."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from typing import Final

from gallery.messages import EncryptedBlock, ManifestEntry
from gallery.server.scanning.block_cache import BlockCache, ReadyBlock
from gallery.server.scanning.block_reader import BLOCKS_AT_ONCE, BlockReader, WantsReferences
from gallery.store import GalleryStore

BLOCKS_AHEAD: Final = 2
"""Blocks that are read before they are asked for. To check the digest of one takes as long as to
read it, so that each has a thread."""


class ReadAheadThreads:
    """Threads that read a few blocks ahead, for any number of readers that take turns.

    They hold each block until it is fetched. So with the one that is being scanned,
    ``BLOCKS_AHEAD + 1`` blocks are in memory beyond what the cache may hold.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(BLOCKS_AHEAD, thread_name_prefix="read-ahead")
        self._taken = 0

    def begin(self, read: Callable[[], ReadyBlock]) -> Future[ReadyBlock] | None:
        """Begin to read, unless too many that were read ahead have not been fetched yet."""
        if self._taken == BLOCKS_AHEAD:
            return None
        self._taken += 1
        return self._executor.submit(read)

    def end(self) -> None:
        """Let another one begin."""
        self._taken -= 1

    def close(self) -> None:
        """End the threads."""
        self._executor.shutdown()


@dataclass(frozen=True)
class _PendingBlock:
    entry: ManifestEntry
    ready: Future[ReadyBlock]


class ReadAheadReader(BlockReader):
    """A block reader that can read blocks before they are asked for.

    The snapshot must be open before anything is read ahead.

    Parameters
    ----------
    store, cache, gallery_id
        As of `BlockReader`.
    threads
        They read ahead.
    """

    def __init__(
        self, store: GalleryStore, cache: BlockCache, gallery_id: bytes, threads: ReadAheadThreads
    ) -> None:
        super().__init__(store, cache, gallery_id)
        self._threads = threads
        self._pending: deque[_PendingBlock] = deque()

    def read_ahead(
        self, entries: Iterable[ManifestEntry], wants_references: WantsReferences
    ) -> None:
        """Begin to read the first of these blocks that are not in the cache, a few of them."""
        for entry in entries:
            if len(self._pending) == BLOCKS_AHEAD:
                return
            if self.is_ready(entry) or any(entry == item.entry for item in self._pending):
                continue
            read = partial(super()._load, entry, None, wants_references(entry))
            ready = self._threads.begin(read)
            if ready is None:
                return
            self._pending.append(_PendingBlock(entry, ready))

    def next_group(
        self,
        entries: deque[ManifestEntry],
        wants_references: WantsReferences,
        most: int = BLOCKS_AT_ONCE,
    ) -> list[ReadyBlock]:
        """Take entries off a queue and return their blocks; see `BlockReader.next_group`."""
        if not self._pending:
            self.read_ahead(entries, wants_references)
        return super().next_group(entries, wants_references, most)

    def close(self) -> None:
        """Wait until nothing reads from the snapshot any more, and close it."""
        while self._pending:
            self._fetch()
        super().close()

    def _load(
        self, entry: ManifestEntry, block: EncryptedBlock | None, references: bool
    ) -> ReadyBlock:
        while self._pending and self._pending[0].entry.index < entry.index:
            self._fetch()  # another pass has brought it into the cache meanwhile
        if self._pending and self._pending[0].entry == entry:
            return self._fetch().result()
        return super()._load(entry, block, references)

    def _fetch(self) -> Future[ReadyBlock]:
        """Give up the first place of those that are read ahead."""
        ready = self._pending.popleft().ready
        wait([ready])
        self._threads.end()
        return ready

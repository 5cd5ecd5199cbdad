"""Read-ahead: while one block is scanned, the next one is read by a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial

from gallery.messages import EncryptedBlock, ManifestEntry
from gallery.server.scanning.block_cache import BlockCache, ReadyBlock
from gallery.server.scanning.block_reader import BlockReader, WantsReferences
from gallery.store import GalleryStore


class ReadAheadThread:
    """A thread that reads one block at a time, for any number of readers that take turns.

    It holds one block until that is fetched. So with the one that is being scanned, two blocks are
    in memory beyond what the cache may hold.
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
class _PendingBlock:
    entry: ManifestEntry
    ready: Future[ReadyBlock]


class ReadAheadReader(BlockReader):
    """A block reader that can read one block before it is asked for.

    A database connection is for one thread at a time. So while a block is read ahead, nothing else
    is read from the snapshot, which must be open before anything is read ahead.

    Parameters
    ----------
    store, cache, gallery_id
        As of `BlockReader`.
    thread
        Where it reads ahead.
    """

    def __init__(
        self, store: GalleryStore, cache: BlockCache, gallery_id: bytes, thread: ReadAheadThread
    ) -> None:
        super().__init__(store, cache, gallery_id)
        self._thread = thread
        self._pending: _PendingBlock | None = None

    def read_ahead(
        self, entries: Iterable[ManifestEntry], wants_references: WantsReferences
    ) -> None:
        """Begin to read the first of these blocks that is not in the cache."""
        if self._pending is not None:
            return
        for entry in entries:
            if not self.is_ready(entry):
                read = partial(super()._load, entry, None, wants_references(entry))
                ready = self._thread.begin(read)
                self._pending = None if ready is None else _PendingBlock(entry, ready)
                return

    def close(self) -> None:
        """Wait until nothing reads from the snapshot any more, and close it."""
        if self._pending is not None:
            wait([self._pending.ready])
            self._pending = None
            self._thread.end()
        super().close()

    def _load(
        self, entry: ManifestEntry, block: EncryptedBlock | None, references: bool
    ) -> ReadyBlock:
        if self._pending is not None:
            wait([self._pending.ready])
            if self._pending.entry == entry:
                ready, self._pending = self._pending.ready, None
                self._thread.end()
                return ready.result()
        return super()._load(entry, block, references)

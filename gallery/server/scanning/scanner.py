"""Scanners compute searches; the local one does so in the server's own process."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from gallery.evaluator import Evaluator
from gallery.messages import Manifest
from gallery.server.scanning.block_cache import BlockCache, CacheStatistics
from gallery.server.scanning.block_reader import blocks_at_once
from gallery.server.scanning.block_results import compute_results, probes_of
from gallery.server.scanning.passes import SearchPass
from gallery.server.scanning.read_ahead import ReadAheadReader, ReadAheadThreads
from gallery.server.scanning.searches import Search, SearchStatistics
from gallery.store import GalleryStore


class Scanner(Protocol):
    """Computes searches, and keeps blocks ready for them.

    One thread begins and computes passes. Any thread may call the other methods.
    """

    def begin(self, gallery_id: bytes, searches: Sequence[Search]) -> SearchPass:
        """Begin a pass over a gallery.

        Raises
        ------
        GalleryNotFoundError, DatabaseError
            If there is no such gallery, or the database fails.
        ServerBusyError
            If no worker is there to compute it.
        """

    def renew(self, gallery_id: bytes, manifest: Manifest, *, erased: bool) -> None:
        """Drop the blocks that a gallery's new manifest does not name any more.

        Raises
        ------
        ErasurePendingError
            If ``erased`` says that they must be gone everywhere, and some may be left.
        """

    def forget(self, gallery_id: bytes) -> None:
        """Drop all blocks of a gallery (`ErasurePendingError` if some may be left)."""

    def purge(self) -> None:
        """Drop what earlier calls could not (`ErasurePendingError` if that fails again)."""

    def statistics(self) -> CacheStatistics:
        """Return the figures of the block cache."""

    def close(self) -> None:
        """End all threads; no pass may be under way any more."""


class LocalScanner:
    """Computes in this process; see `Scanner`.

    Parameters
    ----------
    store
        The galleries of one database.
    evaluator
        What computes the encrypted distances.
    cache_size
        Budget of the block cache, bytes; see `gallery.server.scanning.block_cache`.
    """

    def __init__(self, store: GalleryStore, evaluator: Evaluator, cache_size: int = 0) -> None:
        self._store, self._evaluator = store, evaluator
        self._cache = BlockCache(cache_size)
        self._threads = ReadAheadThreads()

    def begin(self, gallery_id: bytes, searches: Sequence[Search]) -> SearchPass:
        """Begin a pass over a gallery."""
        reader = ReadAheadReader(self._store, self._cache, gallery_id, self._threads)
        try:
            reader.keep(reader.snapshot.manifest.entries)
            return LocalPass(searches, reader, self._evaluator)
        except BaseException:
            reader.close()
            raise

    def renew(self, gallery_id: bytes, manifest: Manifest, *, erased: bool) -> None:
        """Drop the blocks that a gallery's new manifest does not name any more, erased or not."""
        self._cache.renew(gallery_id, manifest)

    def forget(self, gallery_id: bytes) -> None:
        """Drop all blocks of a gallery."""
        self._cache.forget(gallery_id)

    def purge(self) -> None:
        """Do nothing: a write dropped the blocks of this process before it returned."""

    def statistics(self) -> CacheStatistics:
        """Return the figures of the block cache."""
        return self._cache.statistics()

    def close(self) -> None:
        """End the thread that reads ahead."""
        self._threads.close()


class LocalPass(SearchPass):
    """A pass that reads blocks one after the other and compares them in this process.

    Parameters
    ----------
    searches, reader, evaluator
        As of `SearchPass`.
    """

    def __init__(
        self, searches: Sequence[Search], reader: ReadAheadReader, evaluator: Evaluator
    ) -> None:
        super().__init__(searches, reader, evaluator)
        self._reader = reader

    def turn(self, following: SearchPass) -> SearchStatistics:
        """Scan some blocks, while the first block of the following turn is read."""
        listening = self._listening()
        probes = probes_of(listening)
        blocks = self._reader.next_group(
            self._entries, self._wants_references, blocks_at_once(len(probes))
        )
        following.read_ahead()
        started = time.perf_counter()
        results = compute_results(blocks, probes, self._evaluator)
        return self._deliver(results, listening, started)

    def read_ahead(self) -> None:
        """Begin to read the next block that is not in the cache."""
        self._reader.read_ahead(self._entries, self._wants_references)

"""Where searches are computed, and the usual place: the server's own process."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Protocol

from gallery.evaluator import Evaluator
from gallery.messages import BlockResult, EncryptedDistances, EncryptedProbe, Manifest
from gallery.parameters import find_parameters
from gallery.server.scanning.block_cache import BlockCache, CacheStatistics, ReadyBlock
from gallery.server.scanning.block_reader import BlockReader, ReadAhead
from gallery.server.scanning.passes import SearchPass, hand_out, probes_of
from gallery.server.scanning.searches import Search, SearchStatistics
from gallery.store import GalleryStore, Snapshot

BLOCKS_AT_ONCE = 8
"""Blocks in memory that are scanned at once; what the kernel makes the most of."""


class Scanner(Protocol):
    """Computes searches, and keeps blocks ready for them.

    A pass is begun and computed by one thread. All else may be called by any.
    """

    def begin(self, gallery_id: bytes, searches: Sequence[Search]) -> SearchPass:
        """Begin a pass over a gallery.

        Raises
        ------
        GalleryNotFoundError, DatabaseError
            If there is no such gallery, or the database fails.
        ServerBusyError
            If there is nothing to compute with at the moment.
        """

    def renew(self, gallery_id: bytes, manifest: Manifest, *, erased: bool) -> None:
        """Drop what a gallery's new manifest does not name any more.

        Raises
        ------
        ErasurePendingError
            If ``erased`` says that it must not be anywhere any more, and it may be.
        """

    def forget(self, gallery_id: bytes) -> None:
        """Drop all blocks of a gallery (`ErasurePendingError` if some may be left)."""

    def purge(self) -> None:
        """Drop what earlier calls could not (`ErasurePendingError` if that fails again)."""

    def statistics(self) -> CacheStatistics:
        """Return what is kept ready to scan."""

    def close(self) -> None:
        """End all threads; nothing may be computing any more."""


class LocalScanner:
    """Computes in this process; see `Scanner`.

    Parameters
    ----------
    store
        The galleries of one database.
    evaluator
        What computes the encrypted distances.
    cache_size
        Bytes that blocks may take that are kept ready to scan; see
        `gallery.server.scanning.block_cache`.
    """

    def __init__(self, store: GalleryStore, evaluator: Evaluator, cache_size: int = 0) -> None:
        self._store, self._evaluator = store, evaluator
        self._cache = BlockCache(cache_size)
        self._ahead = ReadAhead()

    def begin(self, gallery_id: bytes, searches: Sequence[Search]) -> SearchPass:
        """Begin a pass over a gallery."""
        shelf = self._cache.open(gallery_id)
        with ExitStack() as stack:
            snapshot = stack.enter_context(self._store.snapshot(gallery_id))
            reader = BlockReader(snapshot, self._cache, shelf, self._ahead)
            stack.callback(reader.close)
            self._cache.keep(shelf, snapshot.manifest.entries)
            return LocalPass(searches, snapshot, stack.pop_all(), reader, self._evaluator)

    def renew(self, gallery_id: bytes, manifest: Manifest, *, erased: bool) -> None:
        """Drop what a gallery's new manifest does not name any more, erased or not."""
        self._cache.renew(gallery_id, manifest)

    def forget(self, gallery_id: bytes) -> None:
        """Drop all blocks of a gallery."""
        self._cache.forget(gallery_id)

    def purge(self) -> None:
        """Do nothing: what is in this process was dropped at once."""

    def statistics(self) -> CacheStatistics:
        """Return what is kept ready to scan."""
        return self._cache.statistics()

    def close(self) -> None:
        """End the thread that reads ahead."""
        self._ahead.close()


class LocalPass(SearchPass):
    """A pass that reads blocks one after the other and compares them here.

    Parameters
    ----------
    searches, snapshot, opened
        As of `SearchPass`.
    reader
        Where blocks come from.
    evaluator
        What computes the encrypted distances.
    """

    def __init__(
        self,
        searches: Sequence[Search],
        snapshot: Snapshot,
        opened: ExitStack,
        reader: BlockReader,
        evaluator: Evaluator,
    ) -> None:
        super().__init__(searches, snapshot, opened)
        self._reader, self._evaluator = reader, evaluator

    def turn(self, following: SearchPass) -> SearchStatistics:
        """Scan some blocks, while the first block of the following turn is read."""
        listening = self._listening()
        group = self._next_blocks()
        following.read_ahead()
        started = time.perf_counter()
        results = compare(group, probes_of(listening), self._evaluator)
        comparisons = sum(hand_out(result, listening) for result in results)
        return SearchStatistics(
            comparisons=comparisons, scanning_seconds=time.perf_counter() - started
        )

    def read_ahead(self) -> None:
        """Begin to read the next block that is not in the cache."""
        self._reader.read_ahead(self._entries, self._wants_references)

    def _next_blocks(self) -> list[ReadyBlock]:
        """Take several blocks of the cache, or else a single one that has to be read."""
        group: list[ReadyBlock] = []
        while self._entries and len(group) < BLOCKS_AT_ONCE:
            entry = self._entries[0]
            ready = self._reader.is_ready(entry)
            if group and not ready:
                break
            self._entries.popleft()
            group.append(self._reader.read(entry, references=self._wants_references(entry)))
            if not ready:
                break
        return group


def compare(
    blocks: Sequence[ReadyBlock], probes: Sequence[EncryptedProbe], evaluator: Evaluator
) -> list[BlockResult]:
    """Return for each of some blocks its references, if it has them, and its distances to probes.

    Parameters
    ----------
    blocks
        Blocks of one gallery.
    probes
        Probes that fit the gallery.
    evaluator
        What computes the encrypted distances.
    """
    if not blocks:
        return []
    columns = [ready.block.columns for ready in blocks]
    parameters = find_parameters(blocks[0].block.header.parameters)
    sums = evaluator.distances_of_blocks(columns, [probe.constants for probe in probes], parameters)
    results = []
    for ready, of_block in zip(blocks, sums, strict=True):
        header = ready.block.header
        distances = tuple(
            EncryptedDistances(
                probe.probe_id, header.index, header.version, header.parameters, residues
            )
            for probe, residues in zip(probes, of_block, strict=True)
        )
        results.append(BlockResult(header, ready.references, distances))
    return results

"""The cluster scanner, whose passes are computed by the workers of a Dask cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from gallery.errors import DatabaseError, ErasurePendingError, ServerError
from gallery.evaluator import Evaluator, make_evaluator
from gallery.hints import Hint
from gallery.messages import BlockResult, Manifest, ManifestEntry
from gallery.server.cluster import worker
from gallery.server.cluster.address import ClusterAddress
from gallery.server.cluster.dask_client import DaskClient
from gallery.server.cluster.dispatch import ScanDispatch
from gallery.server.cluster.worker import WorkerConfig
from gallery.server.scanning.block_cache import BlockCache, CacheStatistics
from gallery.server.scanning.block_reader import BlockReader
from gallery.server.scanning.block_results import compute_results, probes_of
from gallery.server.scanning.passes import SearchPass
from gallery.server.scanning.searches import Search, SearchStatistics
from gallery.store import GalleryStore
from gallery.store.database_url import parse_url


class ClusterScanner:
    """Computes on the workers of a cluster; see `gallery.server.scanning.scanner.Scanner`.

    Parameters
    ----------
    address
        The cluster.
    database
        SQLAlchemy's URL, by which every worker must be able to open the database.
    store
        The galleries of the same database, for this process.
    backend
        Name of the backend that compares.
    cache_size
        Bytes that blocks may take on each worker that are kept ready to scan.

    Raises
    ------
    DatabaseError
        If the database is one that only this process sees.
    ServerError
        If the cluster cannot be reached.
    """

    def __init__(
        self,
        address: ClusterAddress,
        database: str,
        store: GalleryStore,
        backend: str,
        cache_size: int,
    ) -> None:
        self._config = WorkerConfig(_absolute_url(database), backend, cache_size)
        self._store, self._evaluator = store, make_evaluator(backend)
        self._cluster = DaskClient(address)

    def begin(self, gallery_id: bytes, searches: Sequence[Search]) -> SearchPass:
        """Begin a pass over a gallery, on the workers that are there now."""
        # The cache holds nothing: blocks are kept by the workers.
        reader = BlockReader(self._store, BlockCache(0), gallery_id)
        try:
            return ClusterPass(searches, reader, self._evaluator, self._cluster, self._config)
        except BaseException:
            reader.close()
            raise

    def renew(self, gallery_id: bytes, manifest: Manifest, *, erased: bool) -> None:
        """Drop what a gallery's new manifest does not name any more."""
        try:
            self._evict(worker.renew, gallery_id, manifest.to_bytes())
        except ErasurePendingError:
            if erased:
                raise
            # Blocks that were only replaced may wait: the next search drops them.

    def forget(self, gallery_id: bytes) -> None:
        """Drop all blocks of a gallery."""
        self._evict(worker.forget, gallery_id)

    def purge(self) -> None:
        """Drop all blocks of all galleries, since it is not known which ones are left to drop."""
        self._evict(worker.clear)

    def statistics(self) -> CacheStatistics:
        """Return the sums over all workers' caches; zeros if the workers do not answer."""
        try:
            answers = self._cluster.run_on_all(worker.statistics, self._config).values()
        except ServerError:
            answers = {}.values()
        found = [answer for answer in answers if answer is not None]
        return CacheStatistics(
            hits=sum(one.hits for one in found),
            misses=sum(one.misses for one in found),
            evictions=sum(one.evictions for one in found),
            bytes=sum(one.bytes for one in found),
            blocks=sum(one.blocks for one in found),
            budget=sum(one.budget for one in found),
        )

    def close(self) -> None:
        """End the connection; the workers keep their blocks."""
        self._cluster.close()

    def _evict(self, function: Callable[..., None], *arguments: object) -> None:
        try:
            self._cluster.run_on_all(function, *arguments)
        except ServerError as error:
            raise ErasurePendingError(
                "done in the database, but workers of the cluster may still hold what was erased "
                f"in memory, until they are stopped or answer again: {error.message}",
                hint=Hint.PURGE,
            ) from error


class ClusterPass(SearchPass):
    """A pass that workers compute; blocks replaced since it began are compared in this process.

    So all results are of the one state that the manifest names, whatever is written meanwhile: the
    pass has its own snapshot, in which a replaced block still is what it was.

    Parameters
    ----------
    searches, reader, evaluator
        As for `SearchPass`.
    cluster, config
        The workers, and what they need to open the database and to compare.
    """

    def __init__(
        self,
        searches: Sequence[Search],
        reader: BlockReader,
        evaluator: Evaluator,
        cluster: DaskClient,
        config: WorkerConfig,
    ) -> None:
        super().__init__(searches, reader, evaluator)
        self._reader = reader
        self._probes = probes_of(self._searches)
        self._scan: ScanDispatch | None = None
        if not self.is_over:
            manifest = reader.snapshot.manifest
            self._scan = ScanDispatch(
                cluster, config, manifest, self._probes, self._wants_references
            )
            self._opened.callback(self._scan.close)

    def turn(self, following: SearchPass) -> SearchStatistics:
        """Wait for the next blocks, and give the searches their results."""
        assert self._scan is not None
        started = time.perf_counter()
        following.read_ahead()
        return self._deliver(self._results(self._scan), self._searches, started)

    def read_ahead(self) -> None:
        """Submit as many tasks as the workers have room for."""
        if self._scan is not None:
            self._scan.submit()

    def _results(self, scan: ScanDispatch) -> Iterator[BlockResult]:
        for entry, found in scan.take():
            self._entries.popleft()
            yield self._compare_here(entry) if found is None else found

    def _compare_here(self, entry: ManifestEntry) -> BlockResult:
        block = self._reader.read(entry, references=self._wants_references(entry))
        assert block is not None  # the manifest of the pass is the snapshot's own
        return compute_results([block], self._probes, self._evaluator)[0]


def _absolute_url(database: str) -> str:
    """Return a URL that means the same in every folder.

    Raises
    ------
    DatabaseError
        If the database is in the memory of this process.
    """
    url = parse_url(database)
    path = url.database
    if url.get_backend_name() == "sqlite":
        if not path or path == ":memory:":
            raise DatabaseError(
                "the workers of a cluster cannot see a database in memory; use PostgreSQL, or "
                "SQLite in a folder that all of them have"
            )
        if not path.startswith("file:"):
            url = url.set(database=str(Path(path).absolute()))
    return url.render_as_string(hide_password=False)

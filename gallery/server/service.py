"""The embedded service: the keyless side on a database in the same process.

The service stores what owners send, compares encrypted probes with encrypted templates, and holds
no key of any kind: the comparison of this layout needs none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass

from gallery.backends import Backend
from gallery.deprecation import renamed_arguments
from gallery.errors import (
    GalleryExistsError,
    GalleryNotFoundError,
    MalformedMessageError,
    MissingDependencyError,
    WriteConflictError,
)
from gallery.evaluator import make_evaluator
from gallery.messages import (
    NO_CHECK_SUMS,
    BlockReferences,
    BlockUpdate,
    EncryptedBlock,
    GalleryDescription,
    GalleryUpdate,
    Manifest,
    SealedCheckSums,
    SearchRequest,
    SearchResult,
)
from gallery.messages.naming import check_name
from gallery.parameters import find_parameters
from gallery.protocol import SearchObserver
from gallery.server.cluster.address import ClusterAddress
from gallery.server.scanning.batching import SearchBatcher
from gallery.server.scanning.block_cache import CacheStatistics
from gallery.server.scanning.reference_sizes import ReferenceSizes
from gallery.server.scanning.scanner import LocalScanner, Scanner
from gallery.server.scanning.searches import SearchStatistics
from gallery.server.updates import check_content, check_relabelling, check_update
from gallery.store import Database, GalleryStore, open_database


@dataclass(frozen=True)
class GalleryOutline:
    """A gallery without its content.

    Attributes
    ----------
    gallery_id, name
        Its identifier, and the name that the database knows it by.
    description
        Its description, as its owner wrote it.
    blocks
        The number of its blocks.
    """

    gallery_id: bytes
    name: str
    description: GalleryDescription
    blocks: int


class EmbeddedService:
    """Implements `gallery.protocol.GalleryService` on a database in the same process.

    Parameters
    ----------
    store
        The galleries of one database.
    scanner
        Computes searches; closed with the service.
    """

    def __init__(self, store: GalleryStore, scanner: Scanner) -> None:
        self._store, self._scanner = store, scanner
        self._batcher = SearchBatcher(scanner)
        self._reference_sizes = ReferenceSizes(store)

    def create_gallery(self, description: GalleryDescription, manifest: Manifest) -> None:
        """Make an empty gallery; `GalleryExistsError` if its name is taken."""
        _check_new(description)
        if manifest.entries or manifest.gallery_id != description.gallery_id:
            raise MalformedMessageError("the manifest of a new gallery does not belong to it")
        try:
            self._store.insert(description, manifest)
        except GalleryExistsError:
            # The request may have come again because the answer to the first was lost.
            if not self._holds(description, manifest):
                raise

    def gallery_names(self) -> list[str]:
        """Return the names of all galleries, sorted."""
        return self._store.names()

    def name_of(self, gallery_id: bytes) -> str | None:
        """Return the name of a gallery, or None if there is no such gallery."""
        return self._store.name_of(gallery_id)

    def describe(self, name: str) -> GalleryDescription:
        """Return the description of the gallery of that name."""
        return self._store.describe(name)

    def outline(self, gallery_id: bytes) -> GalleryOutline:
        """Return what is known of a gallery without its content."""
        with self._store.snapshot(gallery_id) as snapshot:
            return GalleryOutline(
                gallery_id, snapshot.name, snapshot.description, len(snapshot.manifest.entries)
            )

    def manifest(self, gallery_id: bytes) -> Manifest:
        """Return the newest manifest."""
        with self._store.snapshot(gallery_id) as snapshot:
            return snapshot.manifest

    def block(self, gallery_id: bytes, index: int) -> EncryptedBlock:
        """Return the newest version of a block; `MissingBlockError` if there is none."""
        with self._store.snapshot(gallery_id) as snapshot:
            return snapshot.block(index)

    def stored_blocks(self, gallery_id: bytes) -> tuple[int, ...]:
        """Return the indices of all blocks that are stored, ascending, named or not."""
        with self._store.snapshot(gallery_id) as snapshot:
            return snapshot.stored_blocks()

    def references(self, gallery_id: bytes, index: int) -> BlockReferences:
        """Return the references of the newest version of a block; `MissingBlockError` likewise."""
        with self._store.snapshot(gallery_id) as snapshot:
            return snapshot.block_references(index)

    def check_sums(self, gallery_id: bytes) -> SealedCheckSums:
        """Return the newest check sums; none for a gallery that has none."""
        with self._store.snapshot(gallery_id) as snapshot:
            return snapshot.check_sums()

    def write(self, gallery_id: bytes, update: GalleryUpdate) -> None:
        """Apply an update whole; `WriteConflictError` if the gallery is at another version.

        One that was applied already, and came again because its answer was lost, is confirmed.
        """
        applied = self._is_at(gallery_id, update)
        try:
            if not applied:
                self._store.apply(gallery_id, update)
        except WriteConflictError:
            # A first try, whose connection broke, may have been under way until now.
            applied = self._is_at(gallery_id, update)
            if not applied:
                raise
        except BaseException:  # it may be written all the same
            self._scanner.forget(gallery_id)
            raise
        self._scanner.renew(gallery_id, update.manifest, erased=update.purge)
        if applied and update.purge:
            self._store.purge()

    def purge(self) -> None:
        """Remove every trace of replaced and erased data, from the database's files above all."""
        self._store.purge()
        self._scanner.purge()

    def restore(
        self,
        description: GalleryDescription,
        manifest: Manifest,
        blocks: Iterable[BlockUpdate],
        check_sums: SealedCheckSums = NO_CHECK_SUMS,
    ) -> None:
        """Make a gallery with content, whole or not at all."""
        _check_new(description)
        content = check_content(description, manifest, blocks, check_sums)
        self._store.restore(description, manifest, content, check_sums)

    def replace(
        self,
        old_gallery_id: bytes,
        old_version: int,
        description: GalleryDescription,
        version: int,
    ) -> None:
        """Let a gallery take the place of an old one, which is erased, in one step."""
        _check_new(description)
        try:
            self._store.replace(old_gallery_id, old_version, description, version)
        finally:
            self._scanner.forget(old_gallery_id)

    def update_description(self, former_mac: bytes, description: GalleryDescription) -> None:
        """Put a new description in the place of the one that has the given MAC."""
        self._store.update_description(former_mac, description)

    def delete(self, gallery_id: bytes) -> None:
        """Erase a gallery."""
        try:
            self._store.delete(gallery_id)
        finally:
            self._scanner.forget(gallery_id)

    def search(
        self,
        request: SearchRequest,
        observer: SearchObserver | None = None,
        *,
        room: int | None = None,
        owner: str = "",
    ) -> SearchResult:
        """Compare probes with every position of every block, as of one manifest.

        With ``room``, results that are not taken yet have so many bytes; if there are more, the
        search is stopped (`ServerBusyError`). Owners whose searches wait take turns.
        """
        return self._batcher.search(request, room, owner)

    def references_size(self, gallery_id: bytes, known: Mapping[int, int]) -> int:
        """Return the bytes in memory of the references that a search would send.

        ``known`` are those that its caller has, as for `SearchRequest`.
        """
        return self._reference_sizes.unknown(gallery_id, known)

    def search_statistics(self) -> SearchStatistics:
        """Return the figures of the searches since the service was opened."""
        return self._batcher.statistics()

    def waiting_searches(self) -> int:
        """Return how many searches wait for their pass over the blocks."""
        return self._batcher.waiting()

    def cache_statistics(self) -> CacheStatistics:
        """Return the figures of the block cache."""
        return self._scanner.statistics()

    def close(self) -> None:
        """Refuse the searches that wait (`ServerBusyError`), and finish those under way."""
        self._batcher.close()
        self._scanner.close()

    def _is_at(self, gallery_id: bytes, update: GalleryUpdate) -> bool:
        """Tell whether an update is applied already; raise what `check_update` finds, if not."""
        with self._store.snapshot(gallery_id) as snapshot:
            if snapshot.manifest == update.manifest:
                return True
            check_update(snapshot.description, snapshot.manifest, update)
            for item in update.relabellings:
                check_relabelling(item, snapshot.block_references(item.header.index))
            return False

    def _holds(self, description: GalleryDescription, manifest: Manifest) -> bool:
        """Tell whether the database holds a gallery exactly as it is stated."""
        try:
            with self._store.snapshot(description.gallery_id) as snapshot:
                return (snapshot.description, snapshot.manifest) == (description, manifest)
        except GalleryNotFoundError:
            return False


def _check_new(description: GalleryDescription) -> None:
    """Check what a description states that every later reader relies on."""
    check_name(description.name)
    find_parameters(description.parameters)


@renamed_arguments(
    {"evaluator": "backend", "memory": "cache_size"},
    {"kernel": Backend.NATIVE, "reference": Backend.SEAL},
)
@contextmanager
def open_service(
    database: str,
    *,
    create: bool = False,
    backend: str = Backend.NATIVE,
    cache_size: int = 0,
    cluster: str | ClusterAddress | None = None,
) -> Iterator[EmbeddedService]:
    """Open a database and serve its galleries within this process.

    Parameters
    ----------
    database
        SQLAlchemy's URL, such as ``sqlite:///gallery.db``.
    create
        Whether to create the database or its tables if they are not there.
    backend
        The backend that compares: ``"native"``, which is fast, or ``"seal"``; their results are the
        same, bit for bit.
    cache_size
        Bytes of blocks that are kept in memory, ready to scan for later searches; a single search
        gains nothing by it. With a cluster, the bytes that each of its workers may keep.
    cluster
        Address of the scheduler of a Dask cluster whose workers are to compute searches.

    Yields
    ------
    EmbeddedService
        The service, which is closed with the context.

    Raises
    ------
    DatabaseError
        If the database cannot be opened, or has no tables and ``create`` is not set; or if workers
        of a cluster could not open it by its URL.
    SchemaVersionError
        If it is at another schema version.

    Examples
    --------
    >>> with open_service("sqlite:///gallery.db", create=True) as service:  # doctest: +SKIP
    ...     service.gallery_names()
    []
    """
    with open_database(database, create=create) as opened:
        store = GalleryStore(opened)
        scanner = make_scanner(database, store, backend, cache_size, cluster)
        with closing(EmbeddedService(store, scanner)) as service:
            yield service


def make_scanner(
    database: str,
    store: GalleryStore,
    backend: str = Backend.NATIVE,
    cache_size: int = 0,
    cluster: str | ClusterAddress | None = None,
) -> Scanner:
    """Make a scanner, for this process or for a cluster; see `open_service`.

    Raises
    ------
    MissingDependencyError
        If a cluster is asked for and Dask is not installed.
    """
    if cluster is None:
        return LocalScanner(store, make_evaluator(backend), cache_size)
    try:
        from gallery.server.cluster.scanner import ClusterScanner
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"a cluster needs the package {error.name}; install Dask: "
            "pip install 'encrypted-face-gallery[cluster]'"
        ) from error
    address = ClusterAddress(cluster) if isinstance(cluster, str) else cluster
    return ClusterScanner(address, database, store, backend, cache_size)


def migrate(database: str) -> tuple[str | None, str]:
    """Bring a database to the schema version of this program; return the versions before and after.

    Parameters
    ----------
    database
        SQLAlchemy's URL.

    Returns
    -------
    tuple of (str or None, str)
        The schema version before, None for a database without tables, and after.

    Raises
    ------
    DatabaseError
        If the database cannot be opened.
    SchemaVersionError
        If it was made by a newer program.
    """
    opened = Database(database)
    try:
        # Alembic takes longer to import than most commands take; only this needs it.
        from gallery.store.schema import upgrade

        return upgrade(opened)
    finally:
        opened.close()

"""The keyless service on a database in the same process.

It stores what owners send, compares encrypted probes with encrypted templates, and holds no key of
any kind: the comparison of this layout needs none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from gallery.errors import (
    DimensionMismatchError,
    KeyMismatchError,
    MalformedMessageError,
    ParameterSetError,
)
from gallery.evaluator import Evaluator, make_evaluator
from gallery.messages import (
    BlockReferences,
    BlockResult,
    BlockUpdate,
    EncryptedBlock,
    EncryptedDistances,
    EncryptedProbe,
    GalleryDescription,
    GalleryUpdate,
    Manifest,
    SearchRequest,
    SearchResult,
)
from gallery.parameters import find_parameters
from gallery.server.updates import check_content, check_update
from gallery.store import Database, GalleryStore, Snapshot


class EmbeddedService:
    """Implements `gallery.protocol.GalleryService` on a database in the same process.

    Parameters
    ----------
    store
        The galleries of one database.
    evaluator
        What computes the encrypted distances.
    """

    def __init__(self, store: GalleryStore, evaluator: Evaluator) -> None:
        self._store = store
        self._evaluator = evaluator

    def create_gallery(self, description: GalleryDescription, manifest: Manifest) -> None:
        """Make an empty gallery; `GalleryExistsError` if its name is taken."""
        find_parameters(description.parameters)
        if manifest.entries or manifest.gallery_id != description.gallery_id:
            raise MalformedMessageError("the manifest of a new gallery does not belong to it")
        self._store.insert(description, manifest)

    def gallery_names(self) -> list[str]:
        """Return the names of all galleries, sorted."""
        return self._store.names()

    def describe(self, name: str) -> GalleryDescription:
        """Return the description of the gallery of that name."""
        return self._store.describe(name)

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
            header = snapshot.header(index)
            return BlockReferences(header, snapshot.references(index, header.version))

    def write(self, gallery_id: bytes, update: GalleryUpdate) -> None:
        """Apply an update whole; `WriteConflictError` if the gallery is at another version."""
        with self._store.snapshot(gallery_id) as snapshot:
            check_update(snapshot.description, snapshot.manifest, update)
        self._store.apply(gallery_id, update)

    def purge(self) -> None:
        """Remove every trace of replaced and erased data from the database's files."""
        self._store.purge()

    def restore(
        self, description: GalleryDescription, manifest: Manifest, blocks: Iterable[BlockUpdate]
    ) -> None:
        """Make a gallery with content, whole or not at all."""
        find_parameters(description.parameters)
        self._store.restore(description, manifest, check_content(description, manifest, blocks))

    def replace(
        self,
        old_gallery_id: bytes,
        old_version: int,
        description: GalleryDescription,
        version: int,
    ) -> None:
        """Let a gallery take the place of an old one, which is erased, in one step."""
        self._store.replace(old_gallery_id, old_version, description, version)

    def delete(self, gallery_id: bytes) -> None:
        """Erase a gallery."""
        self._store.delete(gallery_id)

    def search(self, request: SearchRequest) -> SearchResult:
        """Compare probes with every position of every block, as of one manifest."""
        stream = self._search(request)
        manifest = next(stream)
        assert isinstance(manifest, Manifest)
        return SearchResult(manifest, (item for item in stream if isinstance(item, BlockResult)))

    def _search(self, request: SearchRequest) -> Iterator[Manifest | BlockResult]:
        """Yield the manifest, then the blocks, while the snapshot that they belong to is open."""
        with self._store.snapshot(request.gallery_id) as snapshot:
            for probe in request.probes:
                _check_probe(probe, snapshot.description)
            yield snapshot.manifest
            for entry in snapshot.manifest.entries:
                yield self._compare(snapshot, entry.index, request)

    def _compare(self, snapshot: Snapshot, index: int, request: SearchRequest) -> BlockResult:
        block = snapshot.block(index)
        header = block.header
        known = request.known.get(index) == header.version
        references = None if known else snapshot.references(index, header.version)
        constants = [probe.constants for probe in request.probes]
        parameters = find_parameters(header.parameters)
        sums = self._evaluator.distances_many(block.columns, constants, parameters)
        distances = tuple(
            EncryptedDistances(probe.probe_id, index, header.version, header.parameters, residues)
            for probe, residues in zip(request.probes, sums, strict=True)
        )
        return BlockResult(header, references, distances)


def _check_probe(probe: EncryptedProbe, description: GalleryDescription) -> None:
    if probe.key_id != description.key_id:
        raise KeyMismatchError(
            f"the probe is encrypted under another key than gallery {description.name!r}; "
            "use the key file that the gallery was made with"
        )
    if probe.parameters != description.parameters:
        raise ParameterSetError(
            f"the probe has parameter set {probe.parameters!r}, "
            f"gallery {description.name!r} has {description.parameters!r}"
        )
    if probe.dimension != description.dimension:
        raise DimensionMismatchError(
            f"the probe has {probe.dimension} values, "
            f"gallery {description.name!r} holds embeddings of {description.dimension}"
        )
    probe.check()


@contextmanager
def open_service(
    database: str, *, create: bool = False, evaluator: str = "kernel"
) -> Iterator[EmbeddedService]:
    """Open a database and serve its galleries within this process.

    Parameters
    ----------
    database
        SQLAlchemy's URL, such as ``sqlite:///gallery.db``.
    create
        Whether to create the database or its tables if they are not there.
    evaluator
        ``kernel``, the fast one, or ``reference``, SEAL's own; their results are the same bits.

    Raises
    ------
    DatabaseError
        If the database cannot be opened, or has no tables and ``create`` is not set.
    SchemaVersionError
        If it is at another schema version.

    Examples
    --------
    >>> with open_service("sqlite:///gallery.db", create=True) as service:  # doctest: +SKIP
    ...     service.gallery_names()
    []
    """
    opened = Database(database, create=create)
    try:
        if create and opened.revision() is None:
            _upgrade(opened)
        opened.check_schema()
        yield EmbeddedService(GalleryStore(opened), make_evaluator(evaluator))
    finally:
        opened.close()


def migrate(database: str) -> tuple[str | None, str]:
    """Bring a database to the schema version of this program; return the versions before and after.

    Raises
    ------
    DatabaseError
        If the database cannot be opened.
    SchemaVersionError
        If it was made by a newer program.
    """
    opened = Database(database)
    try:
        return _upgrade(opened)
    finally:
        opened.close()


def _upgrade(database: Database) -> tuple[str | None, str]:
    # Alembic takes longer to import than most commands take; only this needs it.
    from gallery.store.schema import upgrade

    return upgrade(database)

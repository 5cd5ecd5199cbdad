"""The store of galleries, blocks and references: messages in, messages out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError as UniqueViolation

from gallery.arrays import residue_bytes
from gallery.ciphertexts.bit_packing import packed_size
from gallery.ciphertexts.blocks import position_count
from gallery.errors import (
    BlockCorruptedError,
    DatabaseError,
    GalleryExistsError,
    GalleryNotFoundError,
    IntegrityError,
    MalformedMessageError,
    MissingBlockError,
    WriteConflictError,
)
from gallery.hints import Hint
from gallery.messages import (
    BlockHeader,
    BlockReferences,
    BlockRelabelling,
    BlockUpdate,
    EncryptedBlock,
    GalleryDescription,
    GalleryUpdate,
    Manifest,
    ReferenceTable,
    SealedCheckSums,
    StoredReference,
)
from gallery.messages.check_sums import sealed_size
from gallery.messages.references import REFERENCE_SIZE
from gallery.parameters import ParameterSet, find_parameters
from gallery.store.checked_types import at_most
from gallery.store.database import Database
from gallery.store.purging import mark_erased
from gallery.store.tables import BlockRow, GalleryRow, ReferenceRow

_IN_ONE_STATEMENT = 500
"""Positions named in one statement; databases limit how many values one can hold."""


@dataclass(frozen=True)
class Snapshot:
    """One state of a gallery, read within one transaction."""

    connection: Connection
    gallery_id: bytes
    description: GalleryDescription
    manifest: Manifest

    def stored_blocks(self) -> tuple[int, ...]:
        """Return the indices of all blocks that are stored, ascending."""
        query = select(BlockRow.block_index).where(BlockRow.gallery_id == self.gallery_id)
        return tuple(sorted(self.connection.execute(query).scalars()))

    def header(self, index: int) -> BlockHeader:
        """Return the header of a block (`MissingBlockError`)."""
        key = _block_key(self.gallery_id, index)
        query = select(BlockRow.version, BlockRow.header).where(*key)
        row = self.connection.execute(query).one_or_none()
        if row is None:
            raise _missing(index)
        return _header(index, row.version, row.header)

    def block(self, index: int) -> EncryptedBlock:
        """Return a block, checked (`MissingBlockError`, `BlockCorruptedError`)."""
        key = _block_key(self.gallery_id, index)
        size = residue_bytes(self._parameters.block_shape(self.description.columns))
        row = self.connection.execute(
            select(
                BlockRow.version, BlockRow.header, at_most(BlockRow.columns, size).label("columns")
            ).where(*key)
        ).one_or_none()
        if row is None:
            raise _missing(index)
        header = _header(index, row.version, row.header)
        shape = header.shape
        if len(row.columns) != residue_bytes(shape):
            raise BlockCorruptedError(
                f"block {index} is damaged: {len(row.columns)} bytes where {residue_bytes(shape)} "
                "belong; restore the database from a backup"
            )
        columns = np.frombuffer(row.columns, dtype="<u4").reshape(shape)
        block = EncryptedBlock(header, columns)
        block.check()
        return block

    def references(self, index: int, version: int) -> ReferenceTable:
        """Return the references of a block, with its hint if it has one."""
        table = ReferenceRow
        query = select(
            table.position,
            table.reference_id,
            table.pseudonym,
            table.content_tag,
            table.sealed_label,
        ).where(table.gallery_id == self.gallery_id, table.block_index == index)
        # One more than there can be, which no digest fits, is enough of what does not belong here.
        query = query.limit(position_count(self._parameters) + 1)
        hint = select(at_most(BlockRow.hint, self._hint_size))
        hint = hint.where(*_block_key(self.gallery_id, index))
        hinted = self.connection.execute(hint).scalar() or b""
        with closing(self.connection.execute(query)) as rows:
            found = (StoredReference(*row) for row in rows)
            return ReferenceTable.of(self.gallery_id, index, version, found, hinted)

    def references_sizes(self, indices: Sequence[int]) -> dict[int, int]:
        """Return the bytes that the references of blocks take in memory, without their hints.

        Nothing but the lengths of labels is read. Blocks without references are left out.
        """
        row = ReferenceRow
        size = func.count() * REFERENCE_SIZE + func.sum(func.length(row.sealed_label))
        query = select(row.block_index, size).where(row.gallery_id == self.gallery_id)
        if len(indices) <= _IN_ONE_STATEMENT:
            query = query.where(row.block_index.in_(indices))
        found = self.connection.execute(query.group_by(row.block_index)).all()
        return {index: int(total) for index, total in found}

    def block_references(self, index: int) -> BlockReferences:
        """Return the references of a block with its header (`MissingBlockError`)."""
        header = self.header(index)
        return BlockReferences(header, self.references(index, header.version))

    def check_sums(self) -> SealedCheckSums:
        """Return the gallery's check sums; none if it has none."""
        size = sealed_size(self.description.columns, self._parameters)
        query = select(at_most(GalleryRow.check_sums, size))
        found = self.connection.execute(query.where(GalleryRow.gallery_id == self.gallery_id))
        return SealedCheckSums(found.scalar() or b"")

    @property
    def _parameters(self) -> ParameterSet:
        return find_parameters(self.description.parameters)

    @property
    def _hint_size(self) -> int:
        shape = self._parameters.hint_shape
        return 0 if shape is None else packed_size(math.prod(shape), self._parameters.residue_bits)


class GalleryStore:
    """The galleries of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, description: GalleryDescription, manifest: Manifest) -> None:
        """Add an empty gallery (`GalleryExistsError`)."""
        with self._unique(description), self._database.writing() as connection:
            connection.execute(_gallery_row(description, manifest))

    def names(self) -> list[str]:
        """Return the names of all galleries, sorted."""
        with self._database.reading() as connection:
            return list(
                connection.execute(select(GalleryRow.name).order_by(GalleryRow.name)).scalars()
            )

    def name_of(self, gallery_id: bytes) -> str | None:
        """Return the name of a gallery, or None if there is no such gallery."""
        with self._database.reading() as connection:
            query = select(GalleryRow.name).where(GalleryRow.gallery_id == gallery_id)
            return connection.execute(query).scalar()

    def describe(self, name: str) -> GalleryDescription:
        """Return the description of a gallery (`GalleryNotFoundError`)."""
        with self._database.reading() as connection:
            query = select(GalleryRow.description).where(GalleryRow.name == name)
            found = connection.execute(query).scalar()
        if found is None:
            raise GalleryNotFoundError(
                f"there is no gallery named {name!r}", hint=Hint.MAKE_GALLERY
            )
        return GalleryDescription.from_bytes(found)

    @contextmanager
    def snapshot(self, gallery_id: bytes) -> Iterator[Snapshot]:
        """Give one consistent state of a gallery to read from (`GalleryNotFoundError`)."""
        with self._database.reading() as connection:
            query = select(
                GalleryRow.description, GalleryRow.manifest_version, GalleryRow.manifest
            ).where(GalleryRow.gallery_id == gallery_id)
            row = connection.execute(query).one_or_none()
            if row is None:
                raise _no_gallery()
            description = GalleryDescription.from_bytes(row.description)
            manifest = Manifest.from_bytes(row.manifest)
            if row.manifest_version != manifest.version:
                raise IntegrityError(
                    "the gallery's version in the database is not its manifest's; "
                    "restore the database from a backup"
                )
            yield Snapshot(connection, gallery_id, description, manifest)

    def apply(self, gallery_id: bytes, change: GalleryUpdate) -> None:
        """Apply an update whole, if the gallery is still at the version that it expects.

        Raises
        ------
        WriteConflictError
            If another update came first; nothing is written.
        """
        moved = (
            update(GalleryRow)
            .where(
                GalleryRow.gallery_id == gallery_id,
                GalleryRow.manifest_version == change.expected_version,
            )
            .values(manifest_version=change.manifest.version, manifest=change.manifest.to_bytes())
        )
        if change.check_sums or not change.manifest.entries:
            moved = moved.values(check_sums=change.check_sums.sealed or None)
        with self._database.writing() as connection:
            if connection.execute(moved).rowcount != 1:
                raise _conflict()
            for item in change.blocks:
                _put_block(connection, gallery_id, item)
            _drop_blocks(connection, gallery_id, len(change.manifest.entries))
            # All rows that go, go first: a reference may move from one block to another.
            for item in change.blocks:
                _drop_references(connection, gallery_id, item.references)
            for item in change.blocks:
                _add_references(connection, gallery_id, item.references)
            for relabelling in change.relabellings:
                _relabel(connection, gallery_id, relabelling)
            mark_erased(connection)
        if change.purge:
            self._database.purge()

    def restore(
        self,
        description: GalleryDescription,
        manifest: Manifest,
        blocks: Iterable[BlockUpdate],
        check_sums: SealedCheckSums,
    ) -> None:
        """Add a gallery with its content, whole or not at all (`GalleryExistsError`)."""
        with self._unique(description), self._database.writing() as connection:
            row = _gallery_row(description, manifest)
            connection.execute(row.values(check_sums=check_sums.sealed or None))
            for item in blocks:
                _put_block(connection, description.gallery_id, item)
                _add_references(connection, description.gallery_id, item.references)

    def replace(
        self,
        old_gallery_id: bytes,
        old_version: int,
        description: GalleryDescription,
        version: int,
    ) -> None:
        """Erase a gallery, and give another its name, in one step, if both are at a version."""
        gone = delete(GalleryRow).where(
            GalleryRow.gallery_id == old_gallery_id, GalleryRow.manifest_version == old_version
        )
        renamed = (
            update(GalleryRow)
            .where(
                GalleryRow.gallery_id == description.gallery_id,
                GalleryRow.manifest_version == version,
            )
            .values(name=description.name, description=description.to_bytes())
        )
        with self._database.writing() as connection:
            if connection.execute(gone).rowcount != 1:
                raise _conflict()
            if connection.execute(renamed).rowcount != 1:
                raise _conflict()
            mark_erased(connection)
        self._database.purge()

    def update_description(self, former_mac: bytes, description: GalleryDescription) -> None:
        """Replace the description that has the given MAC by one with another calibration or origin.

        Raises
        ------
        WriteConflictError
            If the gallery has another description by now; nothing is changed.
        MalformedMessageError
            If more than these would change.
        """
        row = GalleryRow.gallery_id == description.gallery_id
        with self._database.writing() as connection:
            stored = connection.execute(select(GalleryRow.description).where(row)).scalar()
            if stored is None:
                raise _no_gallery()
            former = GalleryDescription.from_bytes(stored)
            if former.mac != former_mac:
                raise _conflict()
            if former.differs_in_properties(description):
                raise MalformedMessageError("a gallery's properties are fixed at its creation")
            # Compared once more: not every database keeps others out after a read.
            renewed = update(GalleryRow).where(row, GalleryRow.description == stored)
            new = description.to_bytes()
            if connection.execute(renewed.values(description=new)).rowcount != 1:
                raise _conflict()
            mark_erased(connection)

    def delete(self, gallery_id: bytes) -> None:
        """Erase a gallery (`GalleryNotFoundError`)."""
        gone = delete(GalleryRow).where(GalleryRow.gallery_id == gallery_id)
        with self._database.writing() as connection:
            if connection.execute(gone).rowcount != 1:
                raise _no_gallery()
            mark_erased(connection)
        self._database.purge()

    def purge(self) -> None:
        """Remove traces of what was erased from the database's files (`ErasurePendingError`)."""
        self._database.purge()

    @contextmanager
    def _unique(self, description: GalleryDescription) -> Iterator[None]:
        try:
            yield
        except DatabaseError as error:
            if isinstance(error.__cause__, UniqueViolation):
                raise GalleryExistsError(
                    f"there is a gallery named {description.name!r}, or this same gallery, already",
                    hint=Hint.OTHER_GALLERY_NAME,
                ) from error
            raise


def _block_key(gallery_id: bytes, index: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return BlockRow.gallery_id == gallery_id, BlockRow.block_index == index


def _gallery_row(description: GalleryDescription, manifest: Manifest) -> Insert:
    return insert(GalleryRow).values(
        gallery_id=description.gallery_id,
        name=description.name,
        description=description.to_bytes(),
        manifest_version=manifest.version,
        manifest=manifest.to_bytes(),
    )


def _conflict() -> WriteConflictError:
    return WriteConflictError(
        "another process changed the gallery at the same time", hint=Hint.TRY_AGAIN
    )


def _no_gallery() -> GalleryNotFoundError:
    return GalleryNotFoundError("the gallery is not in the database any more")


def _header(index: int, version: int, data: bytes) -> BlockHeader:
    header = BlockHeader.from_bytes(data)
    if version != header.version:
        raise BlockCorruptedError(
            f"block {index} is damaged: its version in the database is not its header's; "
            "restore the database from a backup"
        )
    return header


def _missing(index: int) -> MissingBlockError:
    return MissingBlockError(
        f"block {index} of the gallery is missing; restore the database from a backup"
    )


def _put_block(connection: Connection, gallery_id: bytes, item: BlockUpdate) -> None:
    header = item.block.header
    values = {
        "version": header.version,
        "header": header.to_bytes(),
        "hint": item.references.hint or None,
        "columns": item.block.columns.astype("<u4", copy=False).tobytes(),
    }
    key = _block_key(gallery_id, header.index)
    if connection.execute(update(BlockRow).where(*key).values(**values)).rowcount == 0:
        created = {"gallery_id": gallery_id, "block_index": header.index, **values}
        connection.execute(insert(BlockRow).values(**created))


def _drop_blocks(connection: Connection, gallery_id: bytes, count: int) -> None:
    """Drop the blocks, with their references, that have an index of ``count`` or more."""
    beyond = (BlockRow.gallery_id == gallery_id, BlockRow.block_index >= count)
    connection.execute(delete(BlockRow).where(*beyond))


def _drop_references(connection: Connection, gallery_id: bytes, table: ReferenceTable) -> None:
    """Delete the rows of a block that its new table does not have."""
    wanted = {item.position: item.reference_id for item in table}
    gone = [
        position
        for position, found in _present(connection, gallery_id, table.block_index).items()
        if wanted.get(position) != found
    ]
    from_block = delete(ReferenceRow).where(
        ReferenceRow.gallery_id == gallery_id, ReferenceRow.block_index == table.block_index
    )
    for start in range(0, len(gone), _IN_ONE_STATEMENT):
        chosen = gone[start : start + _IN_ONE_STATEMENT]
        connection.execute(from_block.where(ReferenceRow.position.in_(chosen)))


def _add_references(connection: Connection, gallery_id: bytes, table: ReferenceTable) -> None:
    """Insert the rows of a block's new table that are not there; rows that stay are not touched."""
    present = _present(connection, gallery_id, table.block_index)
    added = [item for item in table if item.position not in present]
    if added:
        rows = [_reference_row(gallery_id, table.block_index, item) for item in added]
        connection.execute(insert(ReferenceRow), rows)


def _relabel(connection: Connection, gallery_id: bytes, item: BlockRelabelling) -> None:
    """Give references of a block other labels, and the block the header that states them."""
    header = item.header
    stated = {"version": header.version, "header": header.to_bytes()}
    connection.execute(
        update(BlockRow).where(*_block_key(gallery_id, header.index)).values(**stated)
    )
    row = ReferenceRow
    relabelled = (
        update(row)
        .where(
            row.gallery_id == gallery_id,
            row.block_index == header.index,
            row.position == bindparam("place"),
        )
        .values(
            pseudonym=bindparam("new_pseudonym"),
            content_tag=bindparam("new_tag"),
            sealed_label=bindparam("new_label"),
        )
    )
    rows = [
        {
            "place": changed.position,
            "new_pseudonym": changed.pseudonym,
            "new_tag": changed.content_tag,
            "new_label": changed.sealed_label,
        }
        for changed in item.changed
    ]
    connection.execute(relabelled, rows)


def _present(connection: Connection, gallery_id: bytes, block_index: int) -> dict[int, bytes]:
    """Return the reference identifiers in a block by position."""
    query = select(ReferenceRow.position, ReferenceRow.reference_id).where(
        ReferenceRow.gallery_id == gallery_id, ReferenceRow.block_index == block_index
    )
    return {row.position: row.reference_id for row in connection.execute(query)}


def _reference_row(gallery_id: bytes, index: int, item: StoredReference) -> dict[str, object]:
    return {
        "gallery_id": gallery_id,
        "block_index": index,
        "position": item.position,
        "reference_id": item.reference_id,
        "pseudonym": item.pseudonym,
        "content_tag": item.content_tag,
        "sealed_label": item.sealed_label,
    }

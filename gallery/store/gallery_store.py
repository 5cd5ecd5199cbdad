"""The store of galleries, blocks and references: messages in, messages out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from functools import lru_cache

from sqlalchemy import Insert, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError as UniqueViolation

from gallery.errors import (
    DatabaseError,
    GalleryExistsError,
    GalleryNotFoundError,
    IntegrityError,
    MalformedMessageError,
    WriteConflictError,
)
from gallery.hints import Hint
from gallery.messages import (
    BlockUpdate,
    GalleryDescription,
    GalleryUpdate,
    Manifest,
    SealedCheckSums,
)
from gallery.messages.listings import MAX_NAMES
from gallery.store.block_rows import (
    add_references,
    drop_blocks,
    drop_references,
    put_block,
    relabel,
)
from gallery.store.database import Database
from gallery.store.purging import mark_erased
from gallery.store.snapshot import Snapshot
from gallery.store.tables import gallery_table

_STATE = select(
    gallery_table.c.name,
    gallery_table.c.description,
    gallery_table.c.manifest_version,
    gallery_table.c.manifest,
).where(gallery_table.c.gallery_id == bindparam("wanted"))
"""The query of each snapshot; made once, since to make it takes longer than to run it."""

_ROWS_AT_ONCE, _LENGTH_BYTES = 1000, 2
"""Rows of a listing that are fetched at a time, and what a name takes in a message beside its own
bytes."""

_PARSED = 8
"""States of galleries that are kept as they were read: each search asks for one several times."""


class GalleryStore:
    """The galleries of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, description: GalleryDescription, manifest: Manifest) -> None:
        """Add an empty gallery (`GalleryExistsError`)."""
        with self._unique(description), self._database.writing() as connection:
            connection.execute(_gallery_row(description, manifest))

    def names(self) -> list[str]:
        """Return the names of all galleries, sorted (`IntegrityError` if they are too many)."""
        query = select(gallery_table.c.name).order_by(gallery_table.c.name)
        names, size = list[str](), 0
        with self._database.reading() as connection:
            rows = connection.execute(query.execution_options(yield_per=_ROWS_AT_ONCE))
            with closing(rows):
                for name in rows.scalars():
                    names.append(name)
                    size += len(name.encode("utf-8")) + _LENGTH_BYTES
                    if size > MAX_NAMES:
                        raise IntegrityError(
                            "the database lists more galleries than there can be; restore it from "
                            "a backup"
                        )
        return names

    def name_of(self, gallery_id: bytes) -> str | None:
        """Return the name of a gallery, or None if there is no such gallery."""
        with self._database.reading() as connection:
            query = select(gallery_table.c.name).where(gallery_table.c.gallery_id == gallery_id)
            return connection.execute(query).scalar()

    def describe(self, name: str) -> GalleryDescription:
        """Return the description of a gallery (`GalleryNotFoundError`)."""
        with self._database.reading() as connection:
            query = select(gallery_table.c.description).where(gallery_table.c.name == name)
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
            row = connection.execute(_STATE, {"wanted": gallery_id}).one_or_none()
            if row is None:
                raise _no_gallery()
            description, manifest = _parsed(row.description, row.manifest)
            if row.manifest_version != manifest.version:
                raise IntegrityError(
                    "the gallery's version in the database is not its manifest's; "
                    "restore the database from a backup"
                )
            yield Snapshot(self._database, connection, gallery_id, row.name, description, manifest)

    def apply(self, gallery_id: bytes, change: GalleryUpdate) -> None:
        """Apply an update whole, if the gallery is still at the version that it expects.

        Raises
        ------
        WriteConflictError
            If another update came first; nothing is written.
        """
        moved = (
            update(gallery_table)
            .where(
                gallery_table.c.gallery_id == gallery_id,
                gallery_table.c.manifest_version == change.expected_version,
            )
            .values(manifest_version=change.manifest.version, manifest=change.manifest.to_bytes())
        )
        if change.check_sums or not change.manifest.entries:
            moved = moved.values(check_sums=change.check_sums.sealed or None)
        with self._database.writing() as connection:
            if connection.execute(moved).rowcount != 1:
                raise _conflict()
            for item in change.blocks:
                put_block(connection, gallery_id, item)
            drop_blocks(connection, gallery_id, len(change.manifest.entries))
            # All rows that go, go first: a reference may move from one block to another.
            kept = [
                drop_references(connection, gallery_id, item.references) for item in change.blocks
            ]
            for item, present in zip(change.blocks, kept, strict=True):
                add_references(connection, gallery_id, item.references, present)
            for relabelling in change.relabellings:
                relabel(connection, gallery_id, relabelling)
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
                put_block(connection, description.gallery_id, item)
                add_references(connection, description.gallery_id, item.references)

    def replace(
        self,
        old_gallery_id: bytes,
        old_version: int,
        description: GalleryDescription,
        version: int,
    ) -> None:
        """Erase a gallery, and give another its name, in one step, if both are at a version."""
        gone = delete(gallery_table).where(
            gallery_table.c.gallery_id == old_gallery_id,
            gallery_table.c.manifest_version == old_version,
        )
        renamed = (
            update(gallery_table)
            .where(
                gallery_table.c.gallery_id == description.gallery_id,
                gallery_table.c.manifest_version == version,
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
        row = gallery_table.c.gallery_id == description.gallery_id
        with self._database.writing() as connection:
            stored = connection.execute(select(gallery_table.c.description).where(row)).scalar()
            if stored is None:
                raise _no_gallery()
            former = GalleryDescription.from_bytes(stored)
            if former.mac != former_mac:
                raise _conflict()
            if former.differs_in_properties(description):
                raise MalformedMessageError("a gallery's properties are fixed at its creation")
            # Compared once more: not every database keeps others out after a read.
            renewed = update(gallery_table).where(row, gallery_table.c.description == stored)
            new = description.to_bytes()
            if connection.execute(renewed.values(description=new)).rowcount != 1:
                raise _conflict()
            mark_erased(connection)

    def delete(self, gallery_id: bytes) -> None:
        """Erase a gallery (`GalleryNotFoundError`)."""
        gone = delete(gallery_table).where(gallery_table.c.gallery_id == gallery_id)
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


@lru_cache(_PARSED)
def _parsed(description: bytes, manifest: bytes) -> tuple[GalleryDescription, Manifest]:
    return GalleryDescription.from_bytes(description), Manifest.from_bytes(manifest)


def _gallery_row(description: GalleryDescription, manifest: Manifest) -> Insert:
    return insert(gallery_table).values(
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

"""A snapshot: one consistent state of a gallery, read out of its rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import numpy as np
from sqlalchemy import Connection, func, select

from gallery.arrays import residue_bytes
from gallery.ciphertexts.bit_packing import packed_size
from gallery.ciphertexts.blocks import position_count
from gallery.errors import BlockCorruptedError, MissingBlockError
from gallery.messages import (
    BlockHeader,
    BlockReferences,
    EncryptedBlock,
    GalleryDescription,
    Manifest,
    ReferenceTable,
    SealedCheckSums,
    StoredReference,
)
from gallery.messages.check_sums import sealed_size
from gallery.messages.listings import MAX_INDICES
from gallery.messages.references import REFERENCE_SIZE
from gallery.parameters import ParameterSet, find_parameters
from gallery.store.block_rows import IN_ONE_STATEMENT, block_key
from gallery.store.checked_types import at_most
from gallery.store.database import Database
from gallery.store.tables import block_table, gallery_table, reference_table

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _reads(
    method: Callable[Concatenate[Snapshot, _P], _R],
) -> Callable[Concatenate[Snapshot, _P], _R]:
    """Have a method raise the database's errors as this program's, in whichever thread it runs."""

    @wraps(method)
    def reading(self: Snapshot, /, *arguments: _P.args, **named: _P.kwargs) -> _R:
        with self.database.translated():
            return method(self, *arguments, **named)

    return reading


@dataclass(frozen=True)
class Snapshot:
    """One state of a gallery, read within one transaction.

    Threads may read from it, one at a time, as long as it is open. Every method raises
    `DatabaseError` if the database fails.
    """

    database: Database
    connection: Connection
    gallery_id: bytes
    name: str
    description: GalleryDescription
    manifest: Manifest

    @_reads
    def stored_blocks(self) -> tuple[int, ...]:
        """Return the indices of all blocks that are stored, ascending; of too many, some."""
        query = select(block_table.c.block_index).where(block_table.c.gallery_id == self.gallery_id)
        return tuple(sorted(self.connection.execute(query.limit(MAX_INDICES)).scalars()))

    @_reads
    def header(self, index: int) -> BlockHeader:
        """Return the header of a block (`MissingBlockError`)."""
        key = block_key(self.gallery_id, index)
        query = select(block_table.c.version, block_table.c.header).where(*key)
        row = self.connection.execute(query).one_or_none()
        if row is None:
            raise _missing(index)
        return _header(index, row.version, row.header)

    @_reads
    def block(self, index: int, *, checked: bool = True) -> EncryptedBlock:
        """Return a block, checked (`MissingBlockError`, `BlockCorruptedError`).

        With ``checked=False`` its digest is left to the caller, who calls `EncryptedBlock.check`
        where that holds up nobody who waits for the connection.
        """
        key = block_key(self.gallery_id, index)
        size = residue_bytes(self._parameters.block_shape(self.description.columns))
        row = self.connection.execute(
            select(
                block_table.c.version,
                block_table.c.header,
                at_most(block_table.c.columns, size).label("columns"),
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
        if checked:
            block.check()
        return block

    @_reads
    def references(self, index: int, version: int) -> ReferenceTable:
        """Return the references of a block, with its hint if it has one."""
        table = reference_table.c
        query = select(
            table.position,
            table.reference_id,
            table.pseudonym,
            table.content_tag,
            table.sealed_label,
        ).where(table.gallery_id == self.gallery_id, table.block_index == index)
        # One more than there can be, which no digest fits, is enough of what does not belong here.
        query = query.limit(position_count(self._parameters) + 1)
        hint = select(at_most(block_table.c.hint, self._hint_size))
        hint = hint.where(*block_key(self.gallery_id, index))
        hinted = self.connection.execute(hint).scalar() or b""
        with closing(self.connection.execute(query)) as rows:
            found = (StoredReference(*row) for row in rows)
            return ReferenceTable.of(self.gallery_id, index, version, found, hinted)

    @_reads
    def references_sizes(self, indices: Sequence[int]) -> dict[int, int]:
        """Return the bytes that the references of blocks take in memory, without their hints.

        Nothing but the lengths of labels is read. Blocks without references are left out.
        """
        row = reference_table.c
        size = func.count() * REFERENCE_SIZE + func.sum(func.length(row.sealed_label))
        query = select(row.block_index, size).where(row.gallery_id == self.gallery_id)
        if len(indices) <= IN_ONE_STATEMENT:
            query = query.where(row.block_index.in_(indices))
        found = self.connection.execute(query.group_by(row.block_index)).all()
        return {index: int(total) for index, total in found}

    def block_references(self, index: int) -> BlockReferences:
        """Return the references of a block with its header (`MissingBlockError`)."""
        header = self.header(index)
        return BlockReferences(header, self.references(index, header.version))

    @_reads
    def check_sums(self) -> SealedCheckSums:
        """Return the gallery's check sums; none if it has none."""
        size = sealed_size(self.description.columns, self._parameters)
        query = select(at_most(gallery_table.c.check_sums, size))
        found = self.connection.execute(query.where(gallery_table.c.gallery_id == self.gallery_id))
        return SealedCheckSums(found.scalar() or b"")

    @property
    def _parameters(self) -> ParameterSet:
        return find_parameters(self.description.parameters)

    @property
    def _hint_size(self) -> int:
        shape = self._parameters.hint_shape
        return 0 if shape is None else packed_size(math.prod(shape), self._parameters.residue_bits)


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

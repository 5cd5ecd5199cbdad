"""The rows of blocks and references: how they are written, dropped and relabelled."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, bindparam, delete, insert, select, update

from gallery.messages import BlockRelabelling, BlockUpdate, ReferenceTable, StoredReference
from gallery.store.tables import block_table, reference_table

IN_ONE_STATEMENT = 500
"""Positions named in one statement; databases limit how many values one can hold."""


def block_key(gallery_id: bytes, index: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the conditions that choose the row of a block."""
    return block_table.c.gallery_id == gallery_id, block_table.c.block_index == index


def put_block(connection: Connection, gallery_id: bytes, item: BlockUpdate) -> None:
    """Write the row of a block, in place of the former if there is one."""
    header = item.block.header
    values = {
        "version": header.version,
        "header": header.to_bytes(),
        "hint": item.references.hint or None,
        "columns": item.block.columns.astype("<u4", copy=False).tobytes(),
    }
    key = block_key(gallery_id, header.index)
    if connection.execute(update(block_table).where(*key).values(**values)).rowcount == 0:
        created = {"gallery_id": gallery_id, "block_index": header.index, **values}
        connection.execute(insert(block_table).values(**created))


def drop_blocks(connection: Connection, gallery_id: bytes, count: int) -> None:
    """Drop the blocks, with their references, that have an index of ``count`` or more."""
    beyond = (block_table.c.gallery_id == gallery_id, block_table.c.block_index >= count)
    connection.execute(delete(block_table).where(*beyond))


def drop_references(connection: Connection, gallery_id: bytes, table: ReferenceTable) -> set[int]:
    """Delete the rows of a block that its new table does not have.

    Returns
    -------
    set of int
        The positions of the rows that stay.
    """
    packed = table.packed
    wanted = dict(zip(packed.positions.tolist(), packed.values("reference_id"), strict=True))
    present = _present(connection, gallery_id, table.block_index)
    gone = [position for position, found in present.items() if wanted.get(position) != found]
    from_block = delete(reference_table).where(
        reference_table.c.gallery_id == gallery_id,
        reference_table.c.block_index == table.block_index,
    )
    for start in range(0, len(gone), IN_ONE_STATEMENT):
        chosen = gone[start : start + IN_ONE_STATEMENT]
        connection.execute(from_block.where(reference_table.c.position.in_(chosen)))
    return present.keys() - gone


def add_references(
    connection: Connection, gallery_id: bytes, table: ReferenceTable, present: Collection[int] = ()
) -> None:
    """Insert the rows of a block's new table, but those of positions that are there."""
    added = [
        number
        for number, position in enumerate(table.packed.positions.tolist())
        if position not in present
    ]
    if added:
        references = (table.references[number] for number in added)
        rows = [_reference_row(gallery_id, table.block_index, item) for item in references]
        connection.execute(insert(reference_table), rows)


def relabel(connection: Connection, gallery_id: bytes, item: BlockRelabelling) -> None:
    """Give references of a block other labels, and the block the header that states them."""
    header = item.header
    stated = {"version": header.version, "header": header.to_bytes()}
    connection.execute(
        update(block_table).where(*block_key(gallery_id, header.index)).values(**stated)
    )
    row = reference_table.c
    relabelled = (
        update(reference_table)
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
    query = select(reference_table.c.position, reference_table.c.reference_id).where(
        reference_table.c.gallery_id == gallery_id, reference_table.c.block_index == block_index
    )
    return {position: identifier for position, identifier in connection.execute(query)}


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

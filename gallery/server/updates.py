"""Checks of updates without a key: an update must be whole and fit together.

The keyless side cannot check a MAC. These checks keep mistakes of a client, not forgeries, out of
the database; forgeries are found by the key owner, who checks every MAC.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import zip_longest

import numpy as np

from gallery.ciphertexts.bit_packing import packed_size
from gallery.ciphertexts.blocks import canary_positions, position_count
from gallery.errors import MalformedMessageError, WriteConflictError
from gallery.hints import Hint
from gallery.messages import (
    BlockReferences,
    BlockRelabelling,
    BlockUpdate,
    GalleryDescription,
    GalleryUpdate,
    Manifest,
    ReferenceTable,
    SealedCheckSums,
    relabelled_header,
)
from gallery.messages.check_sums import sealed_size
from gallery.messages.manifest import MAX_BLOCKS
from gallery.parameters import ParameterSet, find_parameters


def check_update(description: GalleryDescription, current: Manifest, update: GalleryUpdate) -> None:
    """Check that an update leads from the current manifest to its own.

    The changes of relabellings are checked by `check_relabelling`, with the stored references.

    Raises
    ------
    WriteConflictError
        If the gallery is not at the version that the update expects.
    MalformedMessageError
        If the update does not fit together.
    """
    if current.version != update.expected_version:
        raise WriteConflictError(
            "another process changed the gallery at the same time", hint=Hint.TRY_AGAIN
        )
    manifest = update.manifest
    if manifest.gallery_id != description.gallery_id:
        raise MalformedMessageError("the manifest belongs to another gallery")
    if manifest.version != current.version + 1:
        raise MalformedMessageError("the manifest's version does not follow the current one")
    if len(manifest.entries) > MAX_BLOCKS:
        raise MalformedMessageError(f"a gallery has at most {MAX_BLOCKS} blocks")
    if manifest.lineage != current.lineage:
        raise MalformedMessageError("the manifest has another lineage than the current one")
    changed: dict[int, BlockUpdate | BlockRelabelling] = {
        item.block.header.index: item for item in update.blocks
    }
    changed |= {item.header.index: item for item in update.relabellings}
    if len(changed) != len(update.blocks) + len(update.relabellings):
        raise MalformedMessageError("the update holds two versions of one block")
    if any(entry.index != position for position, entry in enumerate(manifest.entries)):
        raise MalformedMessageError("the manifest's block indices are not 0, 1, 2, …")
    for entry in manifest.entries:
        item = changed.pop(entry.index, None)
        if item is not None:
            header = item.block.header if isinstance(item, BlockUpdate) else item.header
            if (header.version, header.mac) != (manifest.version, entry.block_mac):
                raise MalformedMessageError("a block is not the one that the manifest names")
            if isinstance(item, BlockUpdate):
                _check_block(description, item)
            elif entry.index >= len(current.entries):
                raise MalformedMessageError("a block is relabelled that is not there")
        elif entry.index >= len(current.entries) or current.entries[entry.index] != entry:
            raise MalformedMessageError("the manifest names a block that is not in the update")
    if changed:
        raise MalformedMessageError("the update holds a block that its manifest does not name")
    if manifest.entries != current.entries:
        _check_sums(description, manifest, update.check_sums)
    elif update.check_sums:
        raise MalformedMessageError("the update holds check sums and changes no block")


def check_relabelling(item: BlockRelabelling, former: BlockReferences) -> None:
    """Check that a relabelling changes labels of references that are there, and nothing else.

    Raises
    ------
    MalformedMessageError
        If it does not.
    """
    header, changed = item.header, item.changed
    owner = (changed.gallery_id, changed.block_index, changed.block_version)
    if owner != (header.gallery_id, header.index, header.version) or changed.hint:
        raise MalformedMessageError("a table of relabelled references belongs to another block")
    if not len(changed):
        raise MalformedMessageError("a block is relabelled, and no reference of it")
    expected = relabelled_header(former.header, item.applied(former.table))
    if expected.with_mac(header.mac) != header:
        raise MalformedMessageError("a relabelled block differs in more than its labels")


def check_content(
    description: GalleryDescription,
    manifest: Manifest,
    blocks: Iterable[BlockUpdate],
    check_sums: SealedCheckSums,
) -> Iterator[BlockUpdate]:
    """Yield the blocks of a whole gallery, checking each against the manifest.

    Raises
    ------
    MalformedMessageError
        If they are not exactly the blocks that the manifest names, in its order.
    """
    if manifest.gallery_id != description.gallery_id:
        raise MalformedMessageError("the manifest belongs to another gallery")
    _check_sums(description, manifest, check_sums)
    for index, (entry, item) in enumerate(zip_longest(manifest.entries, blocks)):
        if entry is None or item is None:
            raise MalformedMessageError("there are not as many blocks as the manifest names")
        header = item.block.header
        if (header.index, header.version, header.mac) != (index, entry.version, entry.block_mac):
            raise MalformedMessageError("a block is not the one that the manifest names")
        _check_block(description, item)
        yield item


def _check_sums(
    description: GalleryDescription, manifest: Manifest, check_sums: SealedCheckSums
) -> None:
    """Check that check sums of the right size are there exactly where blocks have them."""
    size = sealed_size(description.columns, find_parameters(description.parameters))
    expected = size if manifest.entries else 0
    if len(check_sums.sealed) != expected:
        raise MalformedMessageError(
            f"check sums of {len(check_sums.sealed)} bytes where {expected} belong"
        )


def _check_block(description: GalleryDescription, item: BlockUpdate) -> None:
    header, table = item.block.header, item.references
    stated = (header.gallery_id, header.parameters, header.dimension)
    if stated != (description.gallery_id, description.parameters, description.dimension):
        raise MalformedMessageError("a block is of another gallery, parameter set or dimension")
    parameters = find_parameters(header.parameters)
    hinted = parameters.hint_shape is not None
    if header.columns != (description.columns if hinted else 0):
        raise MalformedMessageError("a block has columns for another metric")
    item.block.check()
    owner = (table.gallery_id, table.block_index, table.block_version)
    if owner != (header.gallery_id, header.index, header.version):
        raise MalformedMessageError("a table of references belongs to another block")
    if table.digest() != header.references_digest:
        raise MalformedMessageError("a table of references does not have its header's digest")
    _check_hint(table, parameters)
    listed = np.zeros(position_count(parameters), dtype=bool)
    positions = table.packed.positions
    if np.any(positions[:-1] >= positions[1:]):
        raise MalformedMessageError("positions of references do not ascend")
    if len(set(table.packed.values("reference_id"))) != len(table):
        raise MalformedMessageError("two references have the same identifier")
    if len(positions) and positions[-1] >= len(listed):
        raise MalformedMessageError("a reference lies outside of its block")
    listed[positions] = True
    if listed[canary_positions(parameters)].any():
        raise MalformedMessageError("a reference lies on a canary's position")
    if not np.array_equal(listed, header.occupied()):
        raise MalformedMessageError("a block's references do not match its occupancy")


def _check_hint(table: ReferenceTable, parameters: ParameterSet) -> None:
    """Check that a block has a hint of the right size exactly where its scheme has hints."""
    shape = parameters.hint_shape
    expected = 0 if shape is None else packed_size(math.prod(shape), parameters.residue_bits)
    if len(table.hint) != expected:
        raise MalformedMessageError(f"a hint of {len(table.hint)} bytes where {expected} belong")

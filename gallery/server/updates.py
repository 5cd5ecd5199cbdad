"""Checks of updates without a key: that an update is whole and fits together.

The keyless side cannot check a MAC. These checks keep mistakes of a client, not forgeries, out of
the database; forgeries are found by the key owner, who checks every MAC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise, zip_longest

import numpy as np

from gallery.ciphertexts.blocks import canary_positions, position_count
from gallery.errors import MalformedMessageError, WriteConflictError
from gallery.hints import Hint
from gallery.messages import BlockUpdate, GalleryDescription, GalleryUpdate, Manifest
from gallery.parameters import find_parameters


def check_update(description: GalleryDescription, current: Manifest, update: GalleryUpdate) -> None:
    """Check that an update leads from the current manifest to its own.

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
    changed = {item.block.header.index: item for item in update.blocks}
    if len(changed) != len(update.blocks):
        raise MalformedMessageError("the update holds two versions of one block")
    if any(entry.index != position for position, entry in enumerate(manifest.entries)):
        raise MalformedMessageError("the manifest's block indices are not 0, 1, 2, …")
    for entry in manifest.entries:
        item = changed.pop(entry.index, None)
        if item is not None:
            header = item.block.header
            if (header.version, header.mac) != (manifest.version, entry.block_mac):
                raise MalformedMessageError("a block is not the one that the manifest names")
            _check_block(description, item)
        elif entry.index >= len(current.entries) or current.entries[entry.index] != entry:
            raise MalformedMessageError("the manifest names a block that is not in the update")
    if changed:
        raise MalformedMessageError("the update holds a block that its manifest does not name")


def check_content(
    description: GalleryDescription, manifest: Manifest, blocks: Iterable[BlockUpdate]
) -> Iterator[BlockUpdate]:
    """Yield the blocks of a whole gallery, checking each against the manifest.

    Raises
    ------
    MalformedMessageError
        If they are not exactly the blocks that the manifest names, in its order.
    """
    if manifest.gallery_id != description.gallery_id:
        raise MalformedMessageError("the manifest belongs to another gallery")
    for index, (entry, item) in enumerate(zip_longest(manifest.entries, blocks)):
        if entry is None or item is None:
            raise MalformedMessageError("there are not as many blocks as the manifest names")
        header = item.block.header
        if (header.index, header.version, header.mac) != (index, entry.version, entry.block_mac):
            raise MalformedMessageError("a block is not the one that the manifest names")
        _check_block(description, item)
        yield item


def _check_block(description: GalleryDescription, item: BlockUpdate) -> None:
    header, table = item.block.header, item.references
    stated = (header.gallery_id, header.parameters, header.dimension)
    if stated != (description.gallery_id, description.parameters, description.dimension):
        raise MalformedMessageError("a block is of another gallery, parameter set or dimension")
    item.block.check()
    owner = (table.gallery_id, table.block_index, table.block_version)
    if owner != (header.gallery_id, header.index, header.version):
        raise MalformedMessageError("a table of references belongs to another block")
    if table.digest() != header.references_digest:
        raise MalformedMessageError("a table of references does not have its header's digest")
    parameters = find_parameters(header.parameters)
    listed = np.zeros(position_count(parameters), dtype=bool)
    positions = [reference.position for reference in table]
    if any(first >= second for first, second in pairwise(positions)):
        raise MalformedMessageError("positions of references do not ascend")
    if len({reference.reference_id for reference in table}) != len(table):
        raise MalformedMessageError("two references have the same identifier")
    if positions and positions[-1] >= len(listed):
        raise MalformedMessageError("a reference lies outside of its block")
    listed[positions] = True
    if listed[canary_positions(parameters)].any():
        raise MalformedMessageError("a reference lies on a canary's position")
    if not np.array_equal(listed, header.occupied()):
        raise MalformedMessageError("a block's references do not match its occupancy")

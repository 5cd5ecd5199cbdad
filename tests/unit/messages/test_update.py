from __future__ import annotations

import pytest

from gallery.errors import BlockCorruptedError, MalformedMessageError
from gallery.messages import GalleryUpdate
from tests.builders import block_update, manifest, update_of


def test_more_blocks_than_the_manifest_has_entries_are_malformed() -> None:
    empty, block = manifest(2), block_update(0, 2)

    with pytest.raises(MalformedMessageError, match="1 blocks and 0 manifest entries"):
        GalleryUpdate.from_bytes(GalleryUpdate(1, empty, (block,)).to_bytes())


def test_a_damaged_block_is_noticed_inside_an_update() -> None:
    data = bytearray(update_of(manifest(1), block_update(0, 2)).to_bytes())
    data[len(data) // 2] ^= 1

    with pytest.raises(BlockCorruptedError):
        GalleryUpdate.from_bytes(bytes(data))


def test_an_update_without_blocks_reads_back() -> None:
    made = update_of(manifest(1))

    found = GalleryUpdate.from_bytes(made.to_bytes())

    assert (found.expected_version, found.manifest, found.blocks) == (1, made.manifest, ())

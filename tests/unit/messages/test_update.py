"""Updates: blocks, relabellings and check sums, and their sizes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gallery.errors import BlockCorruptedError, MalformedMessageError
from gallery.messages import BlockUpdate, EncryptedBlock, GalleryUpdate
from gallery.parameters import COMPACT, STANDARD, CkksParameterSet
from tests.support.builders import (
    block_update,
    content,
    distances,
    header_of,
    manifest,
    reference,
    seeded_columns,
    table,
    update_of,
)


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


def test_whole_and_seeded_blocks_can_stand_in_one_update() -> None:
    made = update_of(manifest(1), block_update(0, 2, seeded=True), block_update(1, 2))

    found = GalleryUpdate.from_bytes(made.to_bytes())

    assert content(found) == content(made)
    assert [item.block.seed is None for item in found.blocks] == [False, True]


@pytest.mark.parametrize(
    "parameters, dimension, whole, update, compared",
    [
        (STANDARD, 128, 10_783_395, 5_392_123, 124_462),
        (COMPACT, 128, 7_189_154, 3_595_002, 82_989),
        (STANDARD, 512, 42_633_891, 21_317_371, 124_462),
        (COMPACT, 512, 28_422_818, 14_211_834, 82_989),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_blocks_updates_and_distances_have_the_sizes_that_are_documented(
    parameters: CkksParameterSet, dimension: int, whole: int, update: int, compared: int
) -> None:
    columns, seed = seeded_columns(parameters, dimension)
    empty = table(0, 1, ())
    header = header_of(columns, empty, (), parameters, dimension=dimension)

    assert len(EncryptedBlock(header, columns).to_bytes()) == whole
    assert len(BlockUpdate(EncryptedBlock(header, columns, seed), empty).to_bytes()) == update
    assert len(distances(parameters=parameters).to_bytes()) == compared


def test_a_reference_adds_54_bytes_and_its_sealed_label() -> None:
    none, one = table(0, 1, ()), replace(table(0, 1, ()), references=(reference(3),))

    assert len(one.to_bytes()) - len(none.to_bytes()) == 54 + len(reference(3).sealed_label)

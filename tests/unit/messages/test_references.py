"""Reference tables: order, lookup, and labels of any length."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gallery.errors import MalformedMessageError
from gallery.messages import ReferenceTable
from tests.support.builders import GALLERY_ID, reference, table


def test_a_table_is_made_in_the_order_of_positions() -> None:
    made = ReferenceTable.of(GALLERY_ID, 0, 1, [reference(9), reference(0), reference(4095)])

    assert [item.position for item in made] == [0, 9, 4095]
    assert len(made) == 3


@pytest.mark.parametrize("positions", [[1, 0], [5, 5]])
def test_positions_that_do_not_ascend_are_malformed(positions: list[int]) -> None:
    made = ReferenceTable(GALLERY_ID, 0, 1, tuple(reference(at) for at in positions))

    with pytest.raises(MalformedMessageError, match="do not ascend"):
        ReferenceTable.from_bytes(made.to_bytes())


def test_a_sealed_label_of_4096_bytes_is_the_longest() -> None:
    longest = ReferenceTable(GALLERY_ID, 0, 1, (reference(0, sealed_label=bytes(4096)),))
    longer = ReferenceTable(GALLERY_ID, 0, 1, (reference(0, sealed_label=bytes(4097)),))

    assert ReferenceTable.from_bytes(longest.to_bytes()) == longest
    with pytest.raises(MalformedMessageError, match="a sealed label of 4097 bytes"):
        ReferenceTable.from_bytes(longer.to_bytes())


@pytest.mark.parametrize("sizes", [[0, 0, 0], [5, 5, 5], [0, 200, 7], [130, 6, 5], [4096, 0, 0]])
def test_references_come_back_whatever_the_lengths_of_their_labels(sizes: list[int]) -> None:
    items = [reference(at, sealed_label=bytes([at]) * size) for at, size in enumerate(sizes)]

    found = ReferenceTable.from_bytes(ReferenceTable(GALLERY_ID, 0, 1, items).to_bytes())

    assert list(found) == items
    assert [found.at(position) for position in range(len(items))] == items
    assert found.packed.positions.tolist() == [0, 1, 2]
    for field in ("reference_id", "pseudonym", "content_tag"):
        values = [bytes(value) for value in found.packed.identifiers(field)]
        assert values == [getattr(item, field) for item in items] == found.packed.values(field)
        some = found.packed.identifiers(field, np.array([2, 0]))
        assert [bytes(value) for value in some] == [values[2], values[0]]
    assert found.references[1:] == tuple(items[1:])


def test_a_position_without_a_reference_has_none() -> None:
    for missing in (0, 2, 8, 4095):
        with pytest.raises(KeyError):
            table(0, 1, [1, 7, 9]).at(missing)
    with pytest.raises(KeyError):
        table(0, 1, []).at(0)


def test_equal_tables_are_equal_however_they_were_made() -> None:
    made = table(0, 1, [1, 7])

    assert ReferenceTable.from_bytes(made.to_bytes()) == made
    assert hash(ReferenceTable.from_bytes(made.to_bytes())) == hash(made)
    assert made != table(0, 1, [1, 8])


def test_a_packed_table_takes_little_more_than_its_bytes() -> None:
    made = table(0, 1, range(4000))

    assert made.packed.nbytes < 1.05 * len(made.to_bytes())


def test_the_digest_is_sha_256_of_the_message() -> None:
    made = table(2, 7, [1, 2])

    assert made.digest() == hashlib.sha256(made.to_bytes()).digest()


@pytest.mark.parametrize(
    "change",
    [
        {"gallery_id": bytes(16)},
        {"block_index": 3},
        {"block_version": 8},
        {"references": ()},
        {"references": (reference(1), reference(3))},
        {"references": (reference(1), reference(2, reference_id=bytes(16)))},
        {"references": (reference(1), reference(2, pseudonym=bytes(16)))},
        {"references": (reference(1), reference(2, content_tag=bytes(16)))},
        {"references": (reference(1), reference(2, sealed_label=b""))},
    ],
)
def test_the_digest_changes_with_every_field(change: dict[str, Any]) -> None:
    made = table(2, 7, [1, 2])

    assert replace(made, **change).digest() != made.digest()

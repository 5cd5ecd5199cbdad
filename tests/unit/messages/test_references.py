from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from gallery.errors import MalformedMessageError
from gallery.messages import ReferenceTable
from tests.builders import GALLERY_ID, reference, table


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
def test_the_digest_changes_with_every_field(change: dict[str, object]) -> None:
    made = table(2, 7, [1, 2])

    assert replace(made, **change).digest() != made.digest()

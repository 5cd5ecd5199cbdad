"""References are found in a state by their identifiers, pseudonyms and content tags."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gallery.client.gallery_state import GalleryState
from gallery.messages import IdentifierField, StoredReference
from tests.support.builders import block_references, block_update, entry_of, manifest, reference

POSITIONS: tuple[Sequence[int], ...] = (range(0, 40, 2), [], range(1, 40, 2))


@pytest.fixture
def state() -> GalleryState:
    """A state of three blocks, one of them without a reference."""
    blocks = [
        block_references(block_update(index, 2, positions))
        for index, positions in enumerate(POSITIONS)
    ]
    return GalleryState(manifest(2, [entry_of(block.header) for block in blocks]), tuple(blocks))


@pytest.mark.parametrize("field", ["reference_id", "pseudonym", "content_tag"])
def test_what_is_sought_is_found_in_order_whatever_else_is_sought(
    state: GalleryState, field: IdentifierField
) -> None:
    wanted: list[tuple[int, StoredReference]] = [
        (0, reference(4)),
        (0, reference(38)),
        (2, reference(1)),
    ]
    values = [getattr(item, field) for _, item in reversed(wanted)]
    # The same first eight bytes, none, and more than any.
    strangers = [values[0][:8] + bytes(8), bytes(16), b"\xff" * 16]

    assert list(state.find(field, [*strangers, *values])) == wanted
    assert list(state.find(field, strangers)) == []
    assert list(state.find(field, [])) == []


def test_a_value_is_found_in_its_own_field_alone(state: GalleryState) -> None:
    assert list(state.find("pseudonym", [reference(4).reference_id])) == []


def test_all_references_of_one_subject_are_found() -> None:
    pseudonym = reference(9).pseudonym
    items = [reference(at, pseudonym=pseudonym if at % 2 else bytes(16)) for at in range(6)]
    update = block_update(0, 1, range(6))
    block = block_references(update)
    table = type(block.table).of(block.table.gallery_id, 0, 1, items)
    state = GalleryState(manifest(1, [entry_of(block.header)]), (type(block)(block.header, table),))

    found = [item.position for _, item in state.find("pseudonym", [pseudonym])]

    assert found == [1, 3, 5]


def test_its_length_is_the_number_of_references(state: GalleryState) -> None:
    assert len(state) == 40

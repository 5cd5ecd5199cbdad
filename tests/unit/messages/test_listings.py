"""Listings: names and indices, in order."""

from __future__ import annotations

import pytest

from gallery.errors import MalformedMessageError
from gallery.messages import BlockIndices, GalleryNames


@pytest.mark.parametrize("indices", [(1, 0), (0, 2, 2), (0, 2**32 - 1, 1)])
def test_indices_that_do_not_ascend_are_malformed(indices: tuple[int, ...]) -> None:
    with pytest.raises(MalformedMessageError, match="indices do not ascend"):
        BlockIndices.from_bytes(BlockIndices(indices).to_bytes())


def test_names_keep_the_order_of_the_database() -> None:
    names = ("Zürich", "alpha", "Beta")

    assert GalleryNames.from_bytes(GalleryNames(names).to_bytes()).names == names


def test_a_name_that_is_not_utf_8_is_malformed() -> None:
    data = GalleryNames(("staff",)).to_bytes().replace(b"staff", b"st\xffff")

    with pytest.raises(MalformedMessageError, match="text is not UTF-8"):
        GalleryNames.from_bytes(data)

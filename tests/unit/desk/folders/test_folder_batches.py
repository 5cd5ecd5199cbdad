"""Folders that are under way: whose they are, and which give way to new ones."""

from __future__ import annotations

import pytest

from gallery.desk.errors import BadRequestError
from gallery.desk.folders.folder_batches import Batches, FolderBatch


def is_there(batches: Batches, batch: FolderBatch, holder: str) -> bool:
    try:
        return batches.find(FolderBatch, batch.identifier, holder) is batch
    except BadRequestError:
        return False


def test_a_holder_who_begins_many_loses_the_oldest_and_nobody_else_does() -> None:
    batches = Batches()
    other = batches.add(FolderBatch("reception", "staff"))
    many = [batches.add(FolderBatch("office", str(number))) for number in range(6)]

    assert is_there(batches, other, "reception")
    assert [is_there(batches, item, "office") for item in many] == [False] * 2 + [True] * 4


def test_nobody_goes_on_with_the_folder_of_another() -> None:
    batches = Batches()
    batch = batches.add(FolderBatch("reception", "staff"))

    with pytest.raises(BadRequestError):
        batches.find(FolderBatch, batch.identifier, "office")

    batches.end(batch)
    assert not is_there(batches, batch, "reception")

"""Tallies: lists that keep their first items and count the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")

SHOWN = 100
"""The number of items of a kind that a page lists."""


class Tally(Generic[Item]):
    """Items of which the first are kept and the others counted.

    Parameters
    ----------
    most
        How many are kept.

    Attributes
    ----------
    left_out
        How many more there were.
    """

    def __init__(self, most: int = SHOWN) -> None:
        self._most, self._kept, self.left_out = most, list[Item](), 0

    def add(self, item: Item) -> None:
        """Keep or count an item."""
        if len(self._kept) < self._most:
            self._kept.append(item)
        else:
            self.left_out += 1

    def __iter__(self) -> Iterator[Item]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept) + self.left_out

"""Counts as sentences have them."""

from __future__ import annotations

import pytest

from gallery.commands.counts import counted


@pytest.mark.parametrize(
    ("number", "words", "said"),
    [
        (0, ("reference",), "0 references"),
        (1, ("reference",), "1 reference"),
        (2000, ("reference",), "2,000 references"),
        (1, ("person", "people"), "1 person"),
        (3, ("person", "people"), "3 people"),
    ],
)
def test_one_is_no_plural(number: int, words: tuple[str, ...], said: str) -> None:
    assert counted(number, *words) == said

"""Printable text: one normal form, and no time lost on what is too long to be kept."""

from __future__ import annotations

import pytest

from gallery.client.integrity.labels import normalize_label
from gallery.client.integrity.printable_text import LONGEST, normalize
from gallery.errors import InvalidLabelError


def test_a_text_is_composed_and_loses_the_space_at_its_ends() -> None:
    assert normalize(" Zoe\u0308\n") == "Zo\u00eb"
    assert normalize(" " * LONGEST + "Zoe\u0308") == "Zo\u00eb"


def test_a_text_that_is_longer_than_any_that_is_kept_is_not_brought_into_a_form() -> None:
    marks = "a" + "\u0300\u0327" * LONGEST

    assert normalize(marks) == marks


@pytest.mark.parametrize("label", ["a" + "\u0300\u0327" * 2**20, "\u200b" * 2**20, "a" * 1025])
def test_a_label_of_any_length_is_refused_as_too_long(label: str) -> None:
    with pytest.raises(InvalidLabelError, match="longer than 1024 bytes"):
        normalize_label(label)

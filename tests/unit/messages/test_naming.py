"""Names of galleries and of the copies that renewals make."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.errors import GalleryError
from gallery.messages.naming import MAX_NAME, check_name, copy_name, is_copy_name, normal_name

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=MAX_NAME)
key_ids = st.binary(min_size=16, max_size=16)


@given(names, key_ids)
def test_a_copy_has_a_name_that_fits_and_is_recognised(name: str, key_id: bytes) -> None:
    copy = copy_name(name, key_id)

    assert copy != name
    assert len(copy) <= MAX_NAME
    assert is_copy_name(copy, name)


@given(names, names, key_ids)
def test_no_other_gallery_has_the_same_copy(one: str, other: str, key_id: bytes) -> None:
    assert is_copy_name(copy_name(one, key_id), other) == (one == other)


def test_names_that_are_cut_stay_different() -> None:
    one, other = "x" * MAX_NAME, "x" * (MAX_NAME - 1) + "y"

    assert copy_name(one, bytes(16)) != copy_name(other, bytes(16))
    assert not is_copy_name(copy_name(one, bytes(16)), other)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "\x00", "x" * (MAX_NAME + 1)])
def test_what_cannot_be_shown_or_stored_is_no_name(name: str) -> None:
    with pytest.raises(GalleryError, match="printable"):
        check_name(name)


@pytest.mark.parametrize("name", ["default", "Gäste 2. OG", "x" * MAX_NAME])
def test_other_text_is_a_name(name: str) -> None:
    check_name(name)


def test_text_that_is_no_name_in_any_form_is_not_brought_into_one() -> None:
    marks = "a" + "\u0300\u0327" * (2 * MAX_NAME)

    assert normal_name(marks) == marks

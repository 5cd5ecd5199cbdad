"""Names of files that are made out of others: for every system, and never too long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.client.photos.file_names import plain_stem


@given(st.text())
def test_any_name_gives_one_that_every_system_takes(name: str) -> None:
    stem = plain_stem(name)

    assert 1 <= len(stem.encode()) <= 160
    assert not set(stem) & set('/\\\\:*?"<>|\0\n\x1b')
    assert stem == stem.strip(" .")
    assert plain_stem(f"{stem}.jpg") == stem or stem.startswith(".")


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("group.jpg", "group"),
        ("people/Zoë/1 (2).png", "1 (2)"),
        ("C:\\photos\\a b.jpeg", "a b"),
        ("gr\noup\x1b[31m.jpg", "gr_oup__31m"),
        ("a\udcff.jpg", "a_"),
        ("-rf.jpg", "rf"),
        ("...", "photo"),
        ("n" * 250 + ".jpg", "n" * 80),
    ],
)
def test_what_fits_stays(name: str, stem: str) -> None:
    assert plain_stem(name) == stem

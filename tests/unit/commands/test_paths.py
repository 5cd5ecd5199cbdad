"""Paths on the command line: an empty one, as of a variable that is not set, names nothing."""

from __future__ import annotations

import pytest

from tests.unit.commands.conftest import Command


@pytest.mark.parametrize(
    "words",
    [
        ["sync", "", "--yes"],
        ["cluster", ""],
        ["cluster", ".", "--to", ""],
        ["identify", "", "--json"],
        ["identify", "people.npz", "--draw", ""],
        ["identify", "people.npz", "--output", ""],
        ["identify", "clip.avi", "--frames", ""],
        ["enroll", ""],
        ["models", "fetch", "Dlib", "--to", ""],
        ["models", "fetch", "--from", ""],
        ["export", ""],
        ["evaluate", ""],
        ["match", "", "Ada"],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_an_empty_one_is_not_the_current_folder(made: Command, words: list[str]) -> None:
    done = made(*words)

    assert done.code == 2, done.err
    assert made("list").err == "0 references\n"

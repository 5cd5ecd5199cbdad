"""Paths and words on the command line: an empty one, of a variable that is not set, is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from gallery.errors import GalleryError, ServeError, SourceError, UnknownModelError
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


WORDS = [
    ["list", "--server", ""],
    ["list", "--server", " "],
    ["list", "--label", ""],
    ["people", "--label", ""],
    ["serve", "--cluster", ""],
    ["serve", "--host", ""],
]
ENDLESS = [
    ["list", "--passphrase-file", "/dev/zero"],
    ["galleries", "--server", "https://127.0.0.1:9", "--token-file", "/dev/zero"],
    ["serve", "--tls-cert", "/dev/zero", "--tls-key", "/dev/zero"],
]


def test_an_empty_word_is_not_taken_for_none(
    made: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in WORDS:
        done = made(*words)
        assert (done.code, "it is empty" in done.err) == (2, True), words

    monkeypatch.setenv("GALLERY_SERVER", "")
    assert made("list").code == 0


def test_a_name_that_is_none_is_refused_before_weights_are_fetched(made: Command) -> None:
    assert made("init", "--gallery", "").code == GalleryError.exit_code
    assert made("init", "--gallery", "other", "--model", "").code == UnknownModelError.exit_code


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no file without end")
def test_a_file_without_end_is_not_read_to_its_end(made: Command) -> None:
    for words in ENDLESS:
        done = made(*words)
        assert done.code in (SourceError.exit_code, ServeError.exit_code), words
        assert "/dev/zero" in done.err

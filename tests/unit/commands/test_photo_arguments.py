"""Photos as arguments of commands: URLs, standard input, and what they exclude."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest

from tests.unit.commands.conftest import Command

pytestmark = pytest.mark.photos


@pytest.fixture
def photos(command: Command) -> Command:
    """A key and a gallery for photos, without a detector."""
    assert command("key", "new").code == 0
    assert command("init", "--model", "Dlib", "--detector", "skip").code == 0
    return command


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_comes_on_standard_input_is_no_photo(
    photos: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for data, reason in ((b"", "the file is empty"), (b"hello", "it is no JPEG")):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        done = photos("identify", "-", "--json")
        assert done.code == 1
        (record,) = done.records
        assert (record["probe"], record["decision"]) == ("(standard input)", "failed")
        assert reason in record["failure"]
        assert record["box"] is None


@pytest.mark.parametrize("command_line", [("identify", "-"), ("match", "-", "Ada")])
def test_a_terminal_is_no_photo(
    photos: Command, monkeypatch: pytest.MonkeyPatch, command_line: tuple[str, ...]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())

    done = photos(*command_line)

    assert done.code == 2
    assert "standard input is a terminal: send a photo to it" in done.err


def test_standard_input_is_given_once(photos: Command) -> None:
    assert "give it once" in photos("identify", "-", "-").err


def test_a_url_into_this_machine_is_refused_with_the_option_that_allows_it(photos: Command) -> None:
    url = "http://user:secret@localhost:9/now.jpg?key=hidden"
    enroll = ("enroll", url, "--label", "Ada")
    for words in (("identify", url, "--json"), enroll, ("match", url, "Ada")):
        done = photos(*words)
        assert done.code == 1
        assert "its host is this machine, or inside of a network; --private-urls" in done.err
        assert "secret" not in done.out + done.err
        assert "hidden" not in done.out + done.err
    allowed = photos("identify", url, "--private-urls")
    assert allowed.code == 1
    assert "Connection refused" in allowed.err


def test_a_photo_without_a_label_is_not_enrolled(photos: Command) -> None:
    assert "say with --label whom it shows" in photos("enroll", "https://example.com/a.jpg").err


def test_copies_are_drawn_of_photos_alone(photos: Command) -> None:
    np.savez("probes.npz", embeddings=np.ones((1, 128)))

    assert "--draw is for photos" in photos("identify", "probes.npz", "--draw", "seen").err


def test_a_folder_of_copies_that_cannot_be_made_is_named_first(photos: Command) -> None:
    done = photos("identify", "http://localhost/", "--draw", "no/such/place")

    assert done.code == 3
    assert "the folder no/such/place for drawn copies cannot be made" in done.err
    assert "localhost" not in done.err

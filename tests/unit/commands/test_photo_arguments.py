"""Photos as arguments of commands: URLs, standard input, and what they exclude."""

from __future__ import annotations

import io
import sys
from pathlib import Path

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
    done = photos("identify", "http://localhost/", "--draw", "owner.key/place")

    assert done.code == 3
    assert "the folder owner.key/place for drawn copies cannot be made" in done.err
    assert "localhost" not in done.err


def test_a_folder_of_copies_is_made_with_those_it_lies_in(photos: Command) -> None:
    done = photos("identify", "http://localhost/", "--draw", "seen/by/day")

    assert done.code == 1
    assert Path("seen/by/day").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("scheme", ["rtsp", "ftp", "file"])
def test_other_addresses_than_those_of_the_web_are_refused_by_name(
    photos: Command, scheme: str
) -> None:
    for words in (("identify",), ("enroll", "--label", "Ada"), ("match", "Ada")):
        done = photos(words[0], f"{scheme}://user:secret@host/stream", *words[1:])
        assert done.code == 2
        assert f"photos are not fetched by {scheme}://, but by http:// and https://" in done.err
        assert ("--camera" in done.err) == (scheme == "rtsp")
        assert "secret" not in done.err


def test_a_video_is_told_from_what_is_no_picture_at_all(
    photos: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2mp41"
    Path("clip.mp4").write_bytes(clip)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(clip)))

    for words in (
        ("identify", "-"),
        ("match", "clip.mp4", "Ada"),
        ("enroll", "clip.mp4", "--label", "A"),
    ):
        done = photos(*words)
        assert done.code == 1
        assert "it is a video, where a photo is wanted" in done.err


def test_where_every_photo_failed_nothing_is_said_of_a_threshold(photos: Command) -> None:
    Path("hello.jpg").write_bytes(b"hello")

    for words in (("identify", "hello.jpg"), ("match", "hello.jpg", "Ada")):
        done = photos(*words)
        assert done.code == 1
        assert done.out.splitlines()[1].split()[:2] == ["hello.jpg", "failed"]
        assert "threshold" not in done.err and "note" not in done.err

"""Failure messages: errors cross with class and message, and no server chooses more."""

from __future__ import annotations

import inspect

import pytest

from gallery import errors
from gallery.errors import (
    GalleryError,
    GalleryNotFoundError,
    MissingBlockError,
    ServerError,
    WriteConflictError,
)
from gallery.hints import Hint
from gallery.messages import Failure

OWNERS = [
    "KeyFileNotFoundError",
    "WrongPassphraseError",
    "PassphraseRequiredError",
    "StateFileError",
    "SecretExposureError",
    "AuthenticationError",
    "WrongResultError",
    "RolledBackError",
    "BackupError",
    "PhotoError",
    "WeightsError",
]
"""What the owner's side alone can find."""


@pytest.mark.parametrize("kind", [GalleryNotFoundError, WriteConflictError, MissingBlockError])
def test_an_error_crosses_with_its_class_and_its_message(kind: type[GalleryError]) -> None:
    sent = Failure.of(kind("block 3 of 'Zürich' is not there")).to_bytes()

    found = Failure.from_bytes(sent).error()

    assert type(found) is kind
    assert found.message == "block 3 of 'Zürich' is not there"


def test_every_error_can_be_told_and_comes_back_as_one() -> None:
    for _, kind in inspect.getmembers(errors, inspect.isclass):
        if issubclass(kind, GalleryError):
            found = Failure.from_bytes(Failure.of(kind("why")).to_bytes()).error()
            assert type(found) in (kind, ServerError)
            assert found.message == "why"


def test_a_hint_does_not_cross_and_is_known_again_by_the_kind() -> None:
    error = GalleryNotFoundError("there is no gallery named 'staff'", hint=Hint.MAKE_GALLERY)

    failure = Failure.of(error)
    found = failure.error()

    assert failure.text == "there is no gallery named 'staff'"
    assert (found.message, found.hint) == (error.message, error.hint)


def test_no_server_chooses_a_hint_that_is_not_its_kinds() -> None:
    for kind in ("RolledBackError", "StateFileError", "ServerError", "IntegrityError"):
        assert Failure(kind, Hint.ACCEPT_ROLLBACK.value).error().hint is None


@pytest.mark.parametrize("name", ["", "FutureError", "Exception", "KeyboardInterrupt", "errors"])
def test_a_class_that_is_not_known_here_is_an_error_of_the_server(name: str) -> None:
    found = Failure(name, "something new").error()

    assert type(found) is ServerError
    assert str(found) == "something new"


@pytest.mark.parametrize("name", OWNERS)
def test_no_server_can_say_what_only_the_owner_can_tell(name: str) -> None:
    assert issubclass(getattr(errors, name), GalleryError)
    assert type(Failure(name, "enter your passphrase").error()) is ServerError


def test_what_could_steer_a_terminal_is_taken_out_of_a_message() -> None:
    hostile = "gone\x1b[2J\r\n\x07\x9b\u202eolleh\u200b\x00\N{NO-BREAK SPACE}é"

    shown = str(Failure("GalleryError", hostile).error())

    assert shown == "gone [2J     olleh   é"
    assert shown.isprintable()


def test_a_message_is_cut_to_a_thousand_characters_on_both_sides() -> None:
    assert str(Failure("GalleryError", "é" * 30_000).error()) == "é" * 1000
    assert Failure.of(GalleryError("é" * 100_000)).text == "é" * 1000


def test_an_error_whose_message_has_no_encoding_can_be_told_all_the_same() -> None:
    told = Failure.of(GalleryError("\ud800 \x1b"))

    assert Failure.from_bytes(told.to_bytes()).text == "   "

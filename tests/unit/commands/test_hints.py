"""Hints in the words of the command line: every one is worded, and what it names is there."""

from __future__ import annotations

import re

import click
import pytest

from gallery.commands.hints import WORDING, told, worded
from gallery.errors import KeyFileNotFoundError
from gallery.hints import Hint
from tests.support.command_line import command_named, command_names, shown_options

_NAMED = re.compile(r"gallery ((?:[a-z]+ ?)+)(--[a-z-]+)?|(--[a-z-]+)|(GALLERY_[A-Z_]+)")
"""A command, perhaps with an option of its own; an option of any command; a variable."""


OPTIONS = {
    name: {spelling for option in shown_options(name) for spelling in option.opts}
    for name in command_names()
}
HELP = "".join(
    command_named(name).get_help(click.Context(command_named(name))) for name in command_names()
)
"""The help of all commands, which names the variables."""


def _command(words: str) -> str:
    """Return the longest command that a text starts with, or nothing."""
    first = words.split()
    return next((name for n in (2, 1) if (name := " ".join(first[:n])) in OPTIONS), "")


def test_every_hint_has_its_wording() -> None:
    assert set(WORDING) == set(Hint)


@pytest.mark.parametrize("hint", Hint, ids=lambda hint: hint.name)
def test_what_a_wording_names_is_shown_by_the_help(hint: Hint) -> None:
    for words, its_option, option, variable in _NAMED.findall(WORDING[hint]):
        if words:
            assert _command(words), f"there is no command gallery {words}"
            assert not its_option or its_option in OPTIONS[_command(words)]
        elif option:
            assert any(option in options for options in OPTIONS.values())
        else:
            assert variable in HELP


def test_most_hints_name_a_command_or_an_option() -> None:
    silent = {hint for hint in Hint if not _NAMED.search(WORDING[hint])}

    assert silent == {Hint.TRY_AGAIN}


def test_an_error_is_told_with_the_wording_in_place_of_the_hint() -> None:
    error = KeyFileNotFoundError("there is no key file at a.key", hint=Hint.MAKE_KEY_FILE)

    assert told(error) == f"there is no key file at a.key; {WORDING[Hint.MAKE_KEY_FILE]}"
    assert "write_key_file" in str(error)
    assert "write_key_file" not in told(error)


def test_an_error_without_a_hint_is_told_as_it_is() -> None:
    assert worded("the disk is full", None) == "the disk is full"

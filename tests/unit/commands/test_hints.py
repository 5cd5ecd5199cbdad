"""Hints in the words of the command line: every one is worded, and what it names is there."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from gallery.commands.hints import WORDING, told, worded
from gallery.commands.main import cli
from gallery.errors import KeyFileNotFoundError
from gallery.hints import Hint

_NAMED = re.compile(r"gallery ((?:[a-z]+ ?)+)(--[a-z-]+)?|(--[a-z-]+)|(GALLERY_[A-Z_]+)")
"""A command, perhaps with an option of its own; an option of any command; a variable."""


def _shown(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield the words of every command that is not hidden, and the command."""
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        if not found.hidden:
            words = f"{path} {name}".strip()
            yield words, found
            if isinstance(found, click.Group):
                yield from _shown(found, words)


def _options(command: click.Command) -> set[str]:
    """Return the names of a command's options that its help shows."""
    shown = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    return {name for option in shown for name in option.opts}


COMMANDS = dict(_shown(cli))
OPTIONS = {words: _options(command) for words, command in COMMANDS.items()}
HELP = "".join(one.get_help(click.Context(one)) for one in COMMANDS.values())


def _command(words: str) -> str:
    """Return the longest command that a text starts with, or nothing."""
    first = words.split()
    return next((c for n in (2, 1) if (c := " ".join(first[:n])) in COMMANDS), "")


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

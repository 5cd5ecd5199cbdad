"""Commands that there are not, and those that may have been meant; command lines without any."""

from __future__ import annotations

import pytest

from gallery.commands.command_guesses import FOREIGN_NAMES, guessed
from tests.support.command_line import command_names
from tests.unit.commands.conftest import Command


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("identfy", "Did you mean 'gallery identify'?"),
        ("Desk", "Did you mean 'gallery desk'?"),
        ("serach", "Did you mean 'gallery identify'?"),
        ("search", "Did you mean 'gallery identify'?"),
        ("delete", "Did you mean 'gallery remove'?"),
        ("help", "Did you mean 'gallery --help'?"),
        ("nonsense", "No such command 'nonsense'."),
    ],
)
def test_a_command_that_there_is_not_leads_to_one_that_there_is(
    command: Command, typed: str, said: str
) -> None:
    done = command(typed)

    assert done.code == 2
    assert done.err.rstrip().endswith(said)


def test_several_commands_may_have_been_meant() -> None:
    assert guessed("exprt", ["export", "expert"]).count("gallery ") == 2


def test_every_command_that_is_proposed_is_there() -> None:
    proposed = set(FOREIGN_NAMES.values())

    assert proposed - {"--help", "--version"} <= set(command_names())


@pytest.mark.parametrize("words", [(), ("key",), ("threshold",), ("desk-token",)])
def test_a_command_line_that_lacks_a_command_is_answered_with_the_help(
    command: Command, words: tuple[str, ...]
) -> None:
    done, told = command(*words), command(*words, "--help")

    assert (done.out + done.err).strip() == told.out.strip()
    assert len(told.out.splitlines()) > 8

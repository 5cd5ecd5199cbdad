"""The goals of commands, and that each measured command has a name of its own."""

from __future__ import annotations

from benchmarks.commands.command_run import CommandRun
from benchmarks.commands.commands_goals import check_goals
from benchmarks.commands.measured_commands import COMMANDS, VERIFY


def test_searches_of_the_stated_gallery_have_goals_and_others_none() -> None:
    runs = {
        item.name: [CommandRun(seconds, 1.0) for seconds in (0.7, 0.75, 0.9)] for item in COMMANDS
    }

    embedded, served = check_goals(100_000, 128, runs)

    assert embedded.met and not embedded.met_in_every_repeat
    assert "a search over a server, the next time: 0.75 (0.7 to 0.9)" in str(served)
    assert check_goals(10_000, 128, runs) == []


def test_names_tell_commands_apart() -> None:
    names = [item.name for item in (*COMMANDS, VERIFY)]

    assert len(set(names)) == len(names)
    assert "enroll one, over a server, next time" in names

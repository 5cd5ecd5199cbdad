"""The goals of commands, and that each measured command has a name of its own."""

from __future__ import annotations

from benchmarks.commands.command_run import CommandRun
from benchmarks.commands.commands_goals import check_goals, compared
from benchmarks.commands.measured_commands import BEFORE, COMMANDS, VERIFY


def test_searches_of_the_stated_gallery_have_goals_and_others_none() -> None:
    runs = {
        item.name: [CommandRun(seconds, 1.0) for seconds in (0.7, 0.75, 0.9)] for item in COMMANDS
    }

    embedded, served = check_goals(100_000, 128, runs)

    assert embedded.met and not embedded.met_in_every_repeat
    assert "a search over a server, the next time: 0.75 (0.7 to 0.9)" in str(served)
    assert check_goals(10_000, 128, runs) == []


def test_names_tell_commands_apart() -> None:
    names = [item.name for item in (*BEFORE, *COMMANDS, VERIFY)]

    assert len(set(names)) == len(names)
    assert "enroll one, over a server, next time" in names


def test_a_former_state_is_told_by_ratios_within_a_repeat() -> None:
    runs = {item.name: [CommandRun(1.0, 0.5, 10, 200)] * 3 for item in COMMANDS}
    assert list(compared(runs)) == []

    former = [CommandRun(seconds, 1.0, 10, 900) for seconds in (2.0, 4.0, 3.0)]
    told = list(compared({item.name: former for item in BEFORE} | runs))

    assert len(told) == len(BEFORE)
    assert told[1] == (
        "identify, over a server: before, 3.00 times the seconds of the next time now, "
        "2.00 times the processor's, 4.5 times the bytes down"
    )

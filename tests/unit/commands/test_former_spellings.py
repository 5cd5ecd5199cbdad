"""Former spellings of options: hidden, but understood, each with a notice of the present one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest

from gallery.commands.deprecation import FormerOption
from gallery.commands.main import EXIT_USAGE, cli
from tests.unit.commands.conftest import Command

GIB = 2**30


def command_named(name: str) -> click.Command:
    found = cli.get_command(click.Context(cli), name)
    assert found is not None
    return found


def commands() -> Iterator[click.Command]:
    """Yield all commands, those of groups too."""
    for name in cli.list_commands(click.Context(cli)):
        found = command_named(name)
        yield from found.commands.values() if isinstance(found, click.Group) else [found]


def parse(name: str, *arguments: str) -> dict[str, object]:
    """Return the values of all options without running the command."""
    return command_named(name).make_context(name, list(arguments)).params


# Command, former spelling and value; present parameter and value; and what the notice says.
OPTIONS = [
    ("info", "--memory", "seen", "state_file", Path("seen"), "--memory is spelled --state-file"),
    (
        "info",
        "--engine",
        "tenseal",
        "backend",
        "seal",
        "--engine tenseal is spelled --backend seal",
    ),
    ("info", "--engine", "native", "backend", "native", "--engine is spelled --backend"),
    (
        "info",
        "--evaluator",
        "reference",
        "backend",
        "seal",
        "--evaluator reference is spelled --backend seal",
    ),
    (
        "serve",
        "--evaluator",
        "kernel",
        "backend",
        "native",
        "--evaluator kernel is spelled --backend native",
    ),
    ("serve", "--memory", "2GiB", "cache_size", 2 * GIB, "--memory is spelled --cache-size"),
    ("audit", "--gallery-name", "staff", "gallery", "staff", "--gallery-name is spelled --gallery"),
]
VARIABLES = [
    ("GALLERY_MEMORY", "seen", "state_file", Path("seen"), "GALLERY_STATE_FILE"),
    ("GALLERY_ENGINE", "tenseal", "backend", "seal", "GALLERY_BACKEND seal"),
    ("GALLERY_EVALUATOR", "reference", "backend", "seal", "GALLERY_BACKEND seal"),
]


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GALLERY_STATE_FILE", "GALLERY_BACKEND", *(item[0] for item in VARIABLES)):
        monkeypatch.delenv(name, raising=False)


def test_every_former_spelling_is_tried_here() -> None:
    former = [
        option
        for command in commands()
        for option in command.params
        if isinstance(option, FormerOption)
    ]

    assert {option.opts[0] for option in former} == {item[1] for item in OPTIONS}
    assert {option.envvar for option in former} - {None} == {item[0] for item in VARIABLES}


@pytest.mark.parametrize(("name", "former", "given", "present", "value", "notice"), OPTIONS)
def test_a_former_option_is_understood(
    name: str,
    former: str,
    given: str,
    present: str,
    value: object,
    notice: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = parse(name, former, given)

    out, err = capsys.readouterr()
    assert found[present] == value
    assert out == ""
    assert err == f"deprecated: {notice} now; version 0.3 will refuse the former spelling\n"


@pytest.mark.parametrize(("former", "given", "present", "value", "notice"), VARIABLES)
def test_a_former_variable_is_understood(
    former: str,
    given: str,
    present: str,
    value: object,
    notice: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(former, given)

    assert parse("info")[present] == value
    err = capsys.readouterr().err
    assert err.startswith(f"deprecated: {former}")
    assert f"is spelled {notice} now" in err


def test_no_help_shows_a_former_spelling() -> None:
    hidden = {item[1] for item in OPTIONS} | {item[0] for item in VARIABLES}
    for command in commands():
        shown = command.get_help(click.Context(command)).replace("\n", " ")
        assert not any(spelling in shown for spelling in hidden), command.name


def test_nothing_is_said_of_present_spellings_nor_with_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parse("info", "--backend", "seal", "--state-file", "seen")
    parse("info", "--engine", "tenseal", "--quiet")
    monkeypatch.setenv("GALLERY_MEMORY", "seen")
    parse("info", "--quiet")
    # What is set is overruled, so there is nothing to change in it for this command.
    parse("info", "--state-file", "other")

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["info", "--backend", "seal", "--engine", "native"],
        ["info", "--engine", "tenseal", "--evaluator", "kernel"],
        ["info", "--memory", "a", "--state-file", "b"],
        ["serve", "--cache-size", "1GiB", "--memory", "2GiB"],
        ["audit", "--gallery", "a", "--gallery-name", "b"],
    ],
)
def test_two_spellings_with_different_values_are_refused(
    command: Command, arguments: list[str]
) -> None:
    done = command(*arguments)

    assert done.code == EXIT_USAGE
    assert "are one option and have different values" in done.err
    assert "internal error" not in done.err


def test_two_variables_with_different_values_are_refused(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GALLERY_ENGINE", "native")
    monkeypatch.setenv("GALLERY_EVALUATOR", "reference")

    done = command("info")

    assert done.code == EXIT_USAGE
    assert "GALLERY_EVALUATOR and GALLERY_ENGINE are one option" in done.err
    assert "give GALLERY_BACKEND alone" in done.err


def test_two_spellings_with_one_value_are_one(capsys: pytest.CaptureFixture[str]) -> None:
    found = parse("info", "--engine", "tenseal", "--evaluator", "reference", "--backend", "seal")

    assert found["backend"] == "seal"
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_the_command_line_outranks_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GALLERY_BACKEND", "native")

    assert parse("info", "--engine", "tenseal")["backend"] == "seal"
    monkeypatch.setenv("GALLERY_ENGINE", "tenseal")
    assert parse("info", "--backend", "native")["backend"] == "native"


@pytest.mark.parametrize(("former", "given"), [("--engine", "seal"), ("--evaluator", "native")])
def test_a_former_option_takes_its_former_values_alone(
    command: Command, former: str, given: str
) -> None:
    done = command("info", former, given)

    assert done.code == EXIT_USAGE
    assert f"'{given}' is not one of" in done.err


def test_a_search_with_former_spellings_does_what_it_did(
    command: Command, people: np.ndarray, tmp_path: Path
) -> None:
    command("key", "new")
    command("init", "--dimension", 16, "--parameters", "standard")
    assert command("enroll", "people.npz", "--memory", "seen").code == 0
    assert (tmp_path / "seen").exists()
    arguments = ("identify", "people.npz", "--threshold", 0.1, "--json")

    former = command(
        *arguments, "--engine", "tenseal", "--evaluator", "reference", "--memory", "seen"
    )

    assert former.code == 0, former.err
    assert former.err.count("deprecated: ") == 3
    present = command(*arguments, "--backend", "seal", "--state-file", "seen")
    assert former.records == present.records
    assert "deprecated" not in present.err


def test_keygen_is_another_name_of_key_new(command: Command, tmp_path: Path) -> None:
    done = command("keygen", "--key", "other.key")

    assert done.code == 0
    assert (tmp_path / "other.key").exists()
    assert "deprecated" not in done.err
    assert "keygen" not in command("--help").out

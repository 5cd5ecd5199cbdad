"""``gallery token``: made once, shown once, listed without its secret, revoked for good."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gallery.errors import AccessDeniedError
from gallery.server.gatekeeper import Gatekeeper, Grant, Scope
from gallery.store import TokenStore, open_database
from tests.unit.commands.conftest import Command

CHECKOUT = Path(__file__).resolve().parents[3]


def admit(token: str) -> Grant:
    with open_database("sqlite:///gallery.db") as database:
        return Gatekeeper(TokenStore(database)).admit(token)


def test_a_new_token_is_all_that_is_on_standard_output(command: Command) -> None:
    done = command("token", "create", "--name", "kiosk", "--scope", "search")

    assert (done.code, len(done.out.splitlines())) == (0, 1)
    assert admit(done.out.strip()).scope is Scope.SEARCH
    assert "cannot be shown again" in done.err
    assert done.out.strip() not in done.err
    assert not Path("owner.key").exists()


def test_a_token_can_be_for_several_galleries_that_are_not_there_yet(command: Command) -> None:
    arguments = ("--scope", "enroll", "--gallery", "staff", "--gallery", "visitors")
    done = command("token", "create", "--name", "desk", *arguments, "--quiet")

    assert admit(done.out.strip()).galleries == frozenset({"staff", "visitors"})
    assert done.err == ""


def test_the_list_shows_everything_but_the_secret(command: Command) -> None:
    made = [
        command("token", "create", "--name", name, "--scope", "admin", *more).out.strip()
        for name, more in (("b", ("--expires", "never")), ("a", ("--gallery", "staff")))
    ]
    command("token", "revoke", "b")

    first, second = command("token", "list", "--json").records
    shown = command("token", "list")

    assert list(first) == [
        "name",
        "token_id",
        "scope",
        "galleries",
        "created",
        "expires",
        "revoked",
    ]
    assert (first["name"], first["scope"], first["galleries"]) == ("a", "admin", ["staff"])
    assert (first["revoked"], second["expires"], second["galleries"]) == (None, None, None)
    assert second["token_id"] == made[0][4:20]
    assert all(datetime.fromisoformat(second[name]).tzinfo for name in ("created", "revoked"))
    assert shown.out.split("\n")[0].split() == [*list(first)[:1], *list(first)[2:]]
    assert "every" in shown.out
    assert "2 tokens" in shown.err
    assert not any(token[21:] in shown.out + str(first) + str(second) for token in made)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), timedelta(days=90)),
        (("--expires", "30m"), timedelta(minutes=30)),
        (("--expires", "12h"), timedelta(hours=12)),
        (("--expires", "2w"), timedelta(weeks=2)),
    ],
)
def test_a_token_ends_after_a_while_unless_never_is_said(
    command: Command, arguments: tuple[str, ...], expected: timedelta
) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    command("token", "create", "--name", "kiosk", "--scope", "search", *arguments)
    after = datetime.now(UTC)

    (record,) = command("token", "list", "--json").records

    assert before + expected <= datetime.fromisoformat(record["expires"]) <= after + expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2999-01-31", "2999-01-31T00:00:00+00:00"),
        ("2999-01-31T12:30", "2999-01-31T12:30:00+00:00"),
        ("2999-01-31T12:30+02:00", "2999-01-31T10:30:00+00:00"),
    ],
)
def test_a_token_can_end_on_a_date(command: Command, text: str, expected: str) -> None:
    command("token", "create", "--name", "kiosk", "--scope", "search", "--expires", text)

    assert command("token", "list", "--json").records[0]["expires"] == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0d", "past"),
        ("2020-01-31", "past"),
        ("999999w", "or never"),
        ("soon", "or never"),
        ("90", "or never"),
        ("1y", "or never"),
        ("-1d", "or never"),
        ("", "or never"),
    ],
)
def test_other_words_for_the_end_are_refused(command: Command, text: str, words: str) -> None:
    done = command("token", "create", "--name", "k", "--scope", "search", f"--expires={text}")

    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert not Path("gallery.db").exists()


def test_revoking_is_said_once_and_then_again(command: Command) -> None:
    token = command("token", "create", "--name", "kiosk", "--scope", "search").out.strip()

    first, second = command("token", "revoke", "kiosk"), command("token", "revoke", "kiosk")

    assert (first.code, second.code) == (0, 0)
    assert "already" not in first.err
    assert "already" in second.err
    with pytest.raises(AccessDeniedError):
        admit(token)


def test_mistakes_have_words_and_exit_codes(command: Command) -> None:
    missing = command("token", "list")
    command("token", "create", "--name", "kiosk", "--scope", "search")

    again = command("token", "create", "--name", "kiosk", "--scope", "admin")
    unknown = command("token", "revoke", "kisok")
    nameless = command("token", "create", "--name", " ", "--scope", "admin")
    everything = command("token", "create", "--name", "x", "--scope", "everything")

    assert (missing.code, again.code, unknown.code) == (30, 66, 65)
    assert (nameless.code, everything.code) == (3, 2)
    assert again.out == unknown.out == nameless.out == everything.out == ""


def test_an_old_database_is_not_upgraded_by_the_way(command: Command) -> None:
    command("token", "create", "--name", "kiosk", "--scope", "search")
    with closing(sqlite3.connect("gallery.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    connection.close()

    done = command("token", "create", "--name", "other", "--scope", "search")

    assert done.code == 31
    assert "gallery migrate" in done.err


def test_the_operators_commands_never_load_the_secret_side(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from gallery.commands.main import run\n"
        "for words in (['token', 'create', '--name', 'x', '--scope', 'admin'],"
        " ['token', 'list'], ['token', 'revoke', 'x'], ['audit']):\n"
        "    assert run(words) == 0, words\n"
        "loaded = {'gallery.client', 'tenseal', 'numba'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )

    subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(CHECKOUT), "PATH": ""},
        check=True,
        capture_output=True,
    )

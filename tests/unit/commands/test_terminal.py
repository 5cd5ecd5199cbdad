"""Output to the terminal: words of others are shown, and never obeyed."""

from __future__ import annotations

import ast
import json
import re
import shutil
import sqlite3
import unicodedata
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

import gallery.commands
from gallery.client import GalleryKey, write_key_file
from gallery.commands.output import notices, print_table, progress_bar
from gallery.commands.terminal import print_json, printable, say
from gallery.errors import AuthenticationError
from gallery.messages import GalleryDescription
from tests.unit.commands.conftest import Command, Done

ORDERS = {
    "escape sequence": "\x1b[2J",
    "title": "\x1b]0;title\x07",
    "C1 sequence": "\x9b2J",
    "carriage return": "\rerror",
    "line feed": "\nerror: all is lost",
    "backspace": "\b\b\b",
    "delete": "\x7f",
    "override": "\u202egpj.exe",
    "isolate": "\u2066x\u2069",
    "mark": "\u200f",
    "line separator": "\u2028error",
    "zero width": "a\u200bb",
    "tag": "\U000e0041",
}
ORDER = "".join(ORDERS.values())
FILE_NAME = re.sub("[\n/]", "", ORDER)
"""What a shell's glob may find; line feeds have a test of their own."""

SHOWN = re.compile("[^\x20-\x7e\n\xa1-\u02ff\u0300-\u058f\u2010-\u2015\u2026\u2501-\u257f]")
"""What the commands print themselves: letters, dashes, and bars of tables."""


@pytest.fixture
def made(command: Command) -> Command:
    """A gallery whose key needs no passphrase and no contexts, which take time to make."""
    for name in ("owner.key", "new.key"):
        write_key_file(name, GalleryKey(name.encode().ljust(32), {}), None)
    assert command("init", "--dimension", 16, "--parameters", "swift").code == 0
    return command


def harmless(done: Done) -> bool:
    return not SHOWN.search(done.out + done.err)


@pytest.mark.parametrize("name", ORDERS)
def test_every_order_becomes_an_escape(name: str) -> None:
    shown = printable(f"<{ORDERS[name]}>")

    assert not SHOWN.search(shown) and "\n" not in shown
    assert re.search(r"\\x|\\u|\\U", shown)


def test_all_controls_are_escaped_and_nothing_that_is_read() -> None:
    characters = [
        chr(code) for code in (*range(0x3000), *range(0xD800, 0xE000), *range(0xFE00, 2**16))
    ]
    obeyed = {
        character
        for character in characters
        if unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
        or unicodedata.bidirectional(character) in {"LRE", "RLE", "LRO", "RLO", "PDF"}
        or unicodedata.bidirectional(character) in {"LRI", "RLI", "FSI", "PDI"}
    }
    escaped = {character for character in characters if printable(character) != character}

    assert obeyed <= escaped
    assert all(
        unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp", "Cn"}
        for character in escaped
    )


@pytest.mark.parametrize(
    "text",
    ["Évariste Galois", "نجمه", "می\u200cخواهم", "क्\u200dष", "👩\u200d🔬", "山田 太郎", "a\\b"],
)
def test_names_of_people_are_printed_as_they_are(text: str) -> None:
    assert printable(text) == text


def test_lines_of_our_own_stay_lines() -> None:
    assert printable("one\ntwo\x1b", lines=True) == "one\ntwo\\x1b"


def test_notices_tables_and_json_are_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    say(ORDER)
    notices().print(f"[bold]{ORDER}")
    print_table(("label", "file"), [(ORDER, f"[red]{ORDER}")])
    print_json({ORDER: [ORDER, "\udce9"]})
    out, err = capsys.readouterr()

    assert harmless(Done(0, out, err))
    assert "[bold]" in err and "[red]" in out
    assert err.count("\n") == 2
    assert json.loads(out.splitlines()[-1]) == {ORDER: [ORDER, "\udce9"]}


def test_a_table_is_as_wide_as_its_cells(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", "count"), [("x" * 300, "1"), ("y", ("22", "red"))], right=(1,))
    print_table((), [("key", "value"), ("longer key", "")])

    assert capsys.readouterr().out.splitlines() == [
        "name" + " " * 296 + "  count",
        "x" * 300 + "      1",
        "y" + " " * 299 + "     22",
        "key         value",
        "longer key  ",
    ]


def test_a_progress_bar_shows_its_text_and_obeys_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("gallery.commands.output.SafeConsole.is_terminal", True)
    with progress_bar(notices(), f"[bold]enrolling {ORDER}", 2) as advance:
        advance(1)
    _, err = capsys.readouterr()

    assert "[bold]enrolling \\x1b[2J" in err
    assert not any(order in err for order in ORDERS.values())


def enroll_a_damaged_file(command: Command) -> Done:
    Path(f"a{FILE_NAME}.npz").write_bytes(b"no archive")
    return command("enroll", f"a{FILE_NAME}.npz")


def enroll_a_good_file(command: Command) -> Done:
    shutil.copy("people.npz", f"a{FILE_NAME}.npz")
    return command("enroll", f"a{FILE_NAME}.npz", "--on-duplicate", "add")


def enroll_columns(command: Command) -> Done:
    columns = {ORDER: [[1.0]], f"{ORDER}2": ["x"]}
    pyarrow.parquet.write_table(pyarrow.table(columns), "faces.parquet")
    return command("enroll", "faces.parquet")


def enroll_arrays(command: Command) -> Done:
    np.savez("odd.npz", allow_pickle=False, **{FILE_NAME: np.eye(16)})
    return command("enroll", "odd.npz")


def enroll_what_is_not_there(command: Command) -> Done:
    return command("enroll", f"gone{ORDER}.npz")


def search_with_an_option_that_is_none(command: Command) -> Done:
    return command("identify", f"--{ORDER}")


def name_a_command_that_is_none(command: Command) -> Done:
    return command(ORDER)


def open_another_key(command: Command) -> Done:
    return command("info", "--key", f"{ORDER}.key")


def open_another_gallery(command: Command) -> Done:
    return command("info", "--gallery", ORDER)


def open_another_database(command: Command) -> Done:
    return command("info", "--database", f"sqlite:///{FILE_NAME}.db")


def remove_a_label(command: Command) -> Done:
    return command("remove", ORDER, "--yes")


def list_tokens(command: Command) -> Done:
    command("token", "create", "--name", f"kiosk{ORDER}", "--scope", "search")
    return command("token", "list")


def search_and_print_json(command: Command) -> Done:
    shutil.copy("people.npz", f"a{FILE_NAME}.npz")
    return command("identify", f"a{FILE_NAME}.npz", "--threshold", "1", "--json")


@pytest.mark.parametrize(
    "attempt",
    [
        enroll_a_damaged_file,
        enroll_a_good_file,
        enroll_columns,
        enroll_arrays,
        enroll_what_is_not_there,
        search_with_an_option_that_is_none,
        name_a_command_that_is_none,
        open_another_key,
        open_another_gallery,
        open_another_database,
        remove_a_label,
        list_tokens,
        search_and_print_json,
    ],
    ids=lambda attempt: attempt.__name__,
)
@pytest.mark.usefixtures("people")
def test_no_input_reaches_the_terminal_as_an_order(attempt: Any, made: Command) -> None:
    done = attempt(made)

    assert harmless(done), repr(done.out + done.err)
    assert done.code != 70, done.err


def test_nothing_of_a_gallery_is_shown_in_a_question_before_it_is_checked(
    made: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect("gallery.db")) as connection, connection:
        ((stored,),) = connection.execute("SELECT description FROM gallery").fetchall()
        forged = replace(GalleryDescription.from_bytes(stored), parameters=ORDER)
        connection.execute("UPDATE gallery SET description = ?", (forged.to_bytes(),))
    asked: list[str] = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("click.confirm", lambda question, **_: asked.append(question))

    done = made("rekey", "--new-key", "new.key")

    assert (done.code, asked) == (AuthenticationError.exit_code, [])
    assert harmless(done)


def test_there_is_one_way_to_the_terminal() -> None:
    """Every print and question is in the modules that make it harmless."""
    here = Path(gallery.commands.__file__).parent
    ways = {"echo", "secho", "confirm", "prompt", "print", "Console", "Table", "dumps"}
    found = set()
    for path in here.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", "") or getattr(node.func, "id", "")
                ours = name == "confirm" and isinstance(node.func, ast.Name)
                if name in ways and not ours:
                    found.add((path.name, ast.unparse(node.func)))

    assert {item for item in found if item[0] not in {"terminal.py", "output.py"}} == {
        ("demo.py", "console.print"),
        ("demo_desk.py", "console.print"),
        ("samples.py", "console.print"),
        ("settings.py", "self.notices.print"),
    }

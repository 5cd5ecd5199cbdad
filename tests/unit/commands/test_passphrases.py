"""Passphrases at the command line: given in any of its ways, typed, mistyped and typed again."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from gallery.client import GalleryKey, write_key_file
from gallery.client.keys.keyfile_format import Argon2Parameters
from gallery.errors import PassphraseRequiredError, WrongPassphraseError
from tests.unit.commands.conftest import Command

PASSPHRASE = "p\u00e4ssw\u00f6rd of the owner"
FILES = {
    "plain": PASSPHRASE.encode(),
    "line feed": f"{PASSPHRASE}\n".encode(),
    "two line feeds": f"{PASSPHRASE}\n\n".encode(),
    "line's end": f"{PASSPHRASE}\r\n".encode(),
    "byte-order mark": codecs.BOM_UTF8 + PASSPHRASE.encode(),
    "UTF-16": PASSPHRASE.encode("utf-16"),
    "UTF-16, big end first": codecs.BOM_UTF16_BE + f"{PASSPHRASE}\r\n".encode("utf-16-be"),
}


CHEAP = Argon2Parameters(memory_kib=64, iterations=1, lanes=1)
KEY = GalleryKey(bytes(range(32)), {})
SWIFT = ("--parameters", "swift")


@pytest.fixture
def made(command: Command) -> Command:
    """A gallery whose key is opened at little cost."""
    write_key_file("owner.key", KEY, "correct horse", CHEAP)
    assert command("init", "--dimension", 16, *SWIFT).code == 0
    return command


class Typist:
    """Somebody at a terminal who types answers, one a question."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answers: Iterable[str]) -> None:
        self.answers, self.asked = list(answers), 0
        monkeypatch.delenv("GALLERY_PASSPHRASE", raising=False)
        monkeypatch.delenv("GALLERY_NEW_PASSPHRASE", raising=False)
        monkeypatch.setattr("sys.stdin.isatty", lambda: True)
        monkeypatch.setattr("click.prompt", self.answer)

    def answer(self, question: str, **options: Any) -> str:
        assert options["hide_input"] and options["err"]
        self.asked += 1
        return self.answers.pop(0)


@pytest.mark.parametrize("kind", FILES)
def test_a_file_and_the_variable_hold_the_same_passphrase(
    kind: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("secret.txt").write_bytes(FILES[kind])
    write_key_file("owner.key", KEY, PASSPHRASE, CHEAP)
    made = command("init", "--dimension", 4, "--passphrase-file", "secret.txt", *SWIFT)
    monkeypatch.setenv("GALLERY_PASSPHRASE", f"{PASSPHRASE}\n")

    assert (made.code, command("info").code) == (0, 0)


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n", codecs.BOM_UTF8, codecs.BOM_UTF8 + b"\n"])
def test_nothing_but_a_line_end_is_no_passphrase(content: bytes, command: Command) -> None:
    Path("secret.txt").write_bytes(content)

    done = command("key", "new", "--passphrase-file", "secret.txt")

    assert (done.code, "is empty" in done.err) == (PassphraseRequiredError.exit_code, True)
    assert not Path("owner.key").exists()


@pytest.mark.parametrize("arguments", [("new",), ("passphrase",)])
def test_one_character_is_taken_only_when_it_is_insisted_on(
    arguments: tuple[str], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    if arguments == ("passphrase",):
        write_key_file("owner.key", KEY, "correct horse", CHEAP)
        monkeypatch.setenv("GALLERY_NEW_PASSPHRASE", "x")
    else:
        monkeypatch.setenv("GALLERY_PASSPHRASE", "x")

    refused = command("key", *arguments)
    insisted = command("key", *arguments, "--weak-passphrase")

    assert refused.code == PassphraseRequiredError.exit_code
    assert "--weak-passphrase" in refused.err
    assert insisted.code == 0


@pytest.mark.parametrize(
    "arguments", [("init", "--dimension", 4, *SWIFT, "--gallery", "other"), ("info",), ("list",)]
)
def test_a_mistyped_passphrase_gets_further_tries(
    arguments: tuple[str, ...], made: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    typist = Typist(monkeypatch, ["corect horse", "correct  horse", "correct horse"])

    done = made(*arguments)

    assert (done.code, typist.asked) == (0, 3)
    assert "tries left: 2" in done.err and "tries left: 1" in done.err


def test_the_passphrase_is_changed_by_somebody_who_mistypes_the_former_one(
    made: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    typist = Typist(monkeypatch, ["wrong horse", "correct horse", PASSPHRASE])

    assert made("key", "passphrase").code == 0

    assert typist.answers == []
    monkeypatch.setenv("GALLERY_PASSPHRASE", PASSPHRASE)
    assert made("info").code == 0


def test_after_three_tries_it_is_told_what_may_be_wrong(
    made: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    typist = Typist(monkeypatch, ["a1", "b2", "c3", "correct horse"])

    done = made("info")

    assert (done.code, typist.asked) == (WrongPassphraseError.exit_code, 3)
    assert "byte-order mark" in done.err


def test_what_is_given_and_wrong_is_not_asked_for(
    made: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    typist = Typist(monkeypatch, [])
    monkeypatch.setenv("GALLERY_PASSPHRASE", "wrong horse")

    done = made("info")

    assert (done.code, typist.asked) == (WrongPassphraseError.exit_code, 0)
    assert "tries left" not in done.err

"""The prompts of the commands: passphrases, unless they are given, and confirmations."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from gallery.commands.environment import secret_variable
from gallery.commands.paths import read_word
from gallery.commands.terminal import ask_hidden, ask_yes_or_no, is_interactive, say
from gallery.errors import PassphraseRequiredError, SourceError, WrongPassphraseError

_TRIES = 3
"""The number of times that a passphrase may be typed."""

T = TypeVar("T")


class DeclinedError(Exception):
    """A question was answered with no."""


def confirm(question: str) -> None:
    """Ask before something that cannot be undone; without a terminal ``--yes`` is needed.

    Raises
    ------
    DeclinedError
        If the answer is no.
    """
    if not is_interactive():
        raise click.UsageError("this cannot be undone and there is nobody to ask: say --yes")
    if not ask_yes_or_no(question):
        raise DeclinedError("nothing was changed")


def given_passphrase(file: Path | None, variable: str) -> str | None:
    """Return the passphrase from a file, else from the environment, or None if neither is given.

    Raises
    ------
    SourceError
        If the file cannot be read.
    PassphraseRequiredError
        If what is given is empty.
    """
    from gallery.client.keys.passphrase import normalize_passphrase

    if file is not None:
        passphrase = _read(file).removesuffix("\n").removesuffix("\r")
    else:
        value = secret_variable(variable)
        if value is None:
            return None
        passphrase = value
    if not normalize_passphrase(passphrase):
        raise PassphraseRequiredError(
            "the passphrase is empty; give one of at least two characters"
        )
    return passphrase


def _read(file: Path) -> str:
    """Read a file of text: UTF-8, or with a byte-order mark UTF-16, as some editors write it."""
    try:
        data = read_word(file)
        wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return data.decode("utf-16" if wide else "utf-8")
    except OSError as error:
        reason = error.strerror
    except UnicodeDecodeError:
        # Not chained: that error holds the passphrase.
        reason = "it is not text"
    raise SourceError(f"cannot read the passphrase file {file}: {reason}")


def chosen_passphrase(file: Path | None, variable: str, prompt: str, missing: str) -> str:
    """Return a passphrase to seal a key file with, asking for it twice if none is given.

    Raises
    ------
    SourceError
        If the file cannot be read.
    PassphraseRequiredError
        If what is given is empty; or with the message ``missing``, if nothing is given and there is
        no terminal.
    """
    given = given_passphrase(file, variable)
    if given is not None:
        return given
    if not is_interactive():
        raise PassphraseRequiredError(missing)
    return ask_hidden(prompt, twice=True)


def with_passphrase(
    given: Callable[[], str | None], prompt: str, use: Callable[[Callable[[], str | None]], T]
) -> T:
    """Return the result of ``use`` on a passphrase; one mistyped at a terminal gets further tries.

    Parameters
    ----------
    given
        Returns a passphrase that need not be asked for, or None.
    prompt
        The question.
    use
        Called with what returns the passphrase, or None if there is nobody to ask.

    Raises
    ------
    WrongPassphraseError
        If the one that was given, or the last that was typed, is wrong.
    """
    typed = 0

    def answer() -> str | None:
        nonlocal typed
        found = given()
        if found is not None or not is_interactive():
            return found
        typed += 1
        return ask_hidden(prompt)

    while True:
        try:
            return use(answer)
        except WrongPassphraseError:
            if not 0 < typed < _TRIES:
                raise
            say(f"that passphrase is wrong; tries left: {_TRIES - typed}")

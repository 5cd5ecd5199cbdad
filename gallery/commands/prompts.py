"""The prompts of the commands: passphrases, unless they are given, and confirmations."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from gallery.errors import PassphraseRequiredError, SourceError

PASSPHRASE_VARIABLE = "GALLERY_PASSPHRASE"
NEW_PASSPHRASE_VARIABLE = "GALLERY_NEW_PASSPHRASE"


def confirm(question: str) -> None:
    """Ask before something that cannot be undone; without a terminal ``--yes`` is needed."""
    if not sys.stdin.isatty():
        raise click.UsageError("this cannot be undone and there is nobody to ask: say --yes")
    click.confirm(question, abort=True, err=True)


def given_passphrase(file: Path | None, variable: str) -> str | None:
    """Return the passphrase from a file, else from the environment, or None if neither is given.

    Raises
    ------
    SourceError
        If the file cannot be read.
    PassphraseRequiredError
        If what is given is empty.
    """
    if file is not None:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            raise SourceError(f"cannot read the passphrase file {file}: {reason}") from error
        passphrase = text.removesuffix("\n").removesuffix("\r")
    elif variable in os.environ:
        passphrase = os.environ[variable]
    else:
        return None
    if not passphrase:
        raise PassphraseRequiredError("the passphrase is empty; give one of at least one character")
    return passphrase


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
    if not sys.stdin.isatty():
        raise PassphraseRequiredError(missing)
    chosen: str = click.prompt(prompt, hide_input=True, confirmation_prompt=True, err=True)
    return chosen

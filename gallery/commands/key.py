"""``gallery key``: what can be done with a key file once it is there."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gallery.commands.settings import (
    Settings,
    common_options,
    given_passphrase,
    new_passphrase_option,
)
from gallery.errors import PassphraseRequiredError

_EPILOG = """
\b
Examples:
  gallery key passphrase
  gallery key passphrase --new-passphrase-file new.txt
"""


@click.group("key", epilog=_EPILOG)
def command() -> None:
    """Do something with a key file."""


@command.command("passphrase", epilog=_EPILOG)
@new_passphrase_option
@click.option(
    "--no-passphrase",
    is_flag=True,
    help="Leave the key file unprotected: whoever can read it has the key.",
)
@common_options
def passphrase(settings: Settings, new_passphrase_file: Path | None, no_passphrase: bool) -> None:
    """Change the passphrase of a key file. The key in it, and its galleries, stay the same.

    The file changes in one step. Copies of it, and backups, still open with the old passphrase: if
    somebody may have both, make a new key and move the galleries to it with gallery rekey.
    """
    from gallery.client import change_passphrase, read_key_file

    if no_passphrase and new_passphrase_file is not None:
        raise click.UsageError("give --new-passphrase-file or --no-passphrase, not both")
    old = settings.key_passphrase()
    # A wrong passphrase is told before a new one is asked for.
    read_key_file(settings.key, old)
    new = None if no_passphrase else _new(settings.with_new(settings.key, new_passphrase_file))
    change_passphrase(settings.key, old, new)
    settings.notice(f"the passphrase of {settings.key} is changed")
    if new is None:
        settings.notice("it is not protected by a passphrase: whoever can read it has the key")


def _new(settings: Settings) -> str:
    given = given_passphrase(settings)
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise PassphraseRequiredError(
            "give the new passphrase with --new-passphrase-file or in GALLERY_NEW_PASSPHRASE, or "
            "choose --no-passphrase"
        )
    chosen: str = click.prompt(
        "New passphrase", hide_input=True, confirmation_prompt=True, err=True
    )
    return chosen

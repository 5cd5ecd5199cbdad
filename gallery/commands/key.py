"""``gallery key``: make a key file, and change its passphrase."""

from __future__ import annotations

from pathlib import Path

import click

from gallery.commands.options import (
    common_options,
    new_passphrase_option,
    no_passphrase_option,
    weak_passphrase_option,
)
from gallery.commands.prompts import chosen_passphrase
from gallery.commands.settings import Settings
from gallery.errors import KeyFileExistsError
from gallery.hints import Hint

_NEW_EPILOG = """
\b
Examples:
  gallery key new
  gallery key new --key team.key --passphrase-file secret.txt
"""

_PASSPHRASE_EPILOG = """
\b
Examples:
  gallery key passphrase
  gallery key passphrase --new-passphrase-file new.txt
"""


@click.group("key", epilog=_NEW_EPILOG)
def command() -> None:
    """Make a key file, or change its passphrase."""


@command.command("new", epilog=_NEW_EPILOG)
@no_passphrase_option
@weak_passphrase_option
@common_options
def new(settings: Settings, no_passphrase: bool, weak_passphrase: bool) -> None:
    """Make a key file, sealed with a passphrase.

    The key file opens every gallery that is made with it; without it they are lost. Keep a copy in
    a safe place. An existing file is never overwritten.
    """
    from gallery.client import GalleryKey, write_key_file

    if settings.key.exists():
        raise KeyFileExistsError(
            f"there is a key file at {settings.key} already; it is not overwritten, "
            "since galleries made with it could never be opened again",
            hint=Hint.OTHER_KEY_FILE,
        )
    passphrase = None
    if not no_passphrase:
        passphrase = chosen_passphrase(
            settings.passphrase_file,
            settings.passphrase_variable,
            "Passphrase",
            "a key file is sealed with a passphrase; give one with --passphrase-file or in "
            "GALLERY_PASSPHRASE, or choose --no-passphrase",
        )
    key = GalleryKey.generate()
    write_key_file(settings.key, key, passphrase, allow_weak=weak_passphrase)
    settings.notice(
        f"key {key.key_id.hex()} written to {settings.key}; keep a copy in a safe place"
    )
    if passphrase is None:
        settings.notice("it is not protected by a passphrase: whoever can read it has the key")


@command.command("passphrase", epilog=_PASSPHRASE_EPILOG)
@new_passphrase_option
@no_passphrase_option
@weak_passphrase_option
@common_options
def passphrase(
    settings: Settings,
    new_passphrase_file: Path | None,
    no_passphrase: bool,
    weak_passphrase: bool,
) -> None:
    """Change the passphrase of a key file. The key in it, and its galleries, stay the same.

    The file changes in one step. Copies of it, and backups, still open with the old passphrase: if
    somebody may have both, make a new key and move the galleries to it with gallery rekey.
    """
    from gallery.client import change_passphrase

    if no_passphrase and new_passphrase_file is not None:
        raise click.UsageError("give --new-passphrase-file or --no-passphrase, not both")

    def choose() -> str | None:
        # Called when the file is open: a wrong passphrase is told before a new one is asked for.
        if no_passphrase:
            return None
        renewed = settings.with_new(settings.key, new_passphrase_file)
        return chosen_passphrase(
            renewed.passphrase_file,
            renewed.passphrase_variable,
            "New passphrase",
            "give the new passphrase with --new-passphrase-file or in GALLERY_NEW_PASSPHRASE, or "
            "choose --no-passphrase",
        )

    settings.with_passphrase(
        lambda former: change_passphrase(settings.key, former, choose, allow_weak=weak_passphrase)
    )
    settings.notice(f"the passphrase of {settings.key} is changed")
    if no_passphrase:
        settings.notice("it is not protected by a passphrase: whoever can read it has the key")

"""``gallery keygen``: make a key file."""

from __future__ import annotations

import sys

import click

from gallery.commands.settings import Settings, common_options, given_passphrase
from gallery.errors import KeyFileExistsError, PassphraseRequiredError

_EPILOG = """
\b
Examples:
  gallery keygen
  gallery keygen --key team.key --passphrase-file secret.txt
"""


@click.command("keygen", epilog=_EPILOG)
@click.option(
    "--no-passphrase",
    is_flag=True,
    help="Leave the key file unprotected: whoever can read it has the key.",
)
@common_options
def command(settings: Settings, no_passphrase: bool) -> None:
    """Make a key file, sealed with a passphrase.

    The key file opens every gallery that is made with it; without it they are lost. Keep a copy in
    a safe place. An existing file is never overwritten.
    """
    from gallery.client import GalleryKey, write_key_file

    if settings.key.exists():
        raise KeyFileExistsError(
            f"there is a key file at {settings.key} already; it is not overwritten, "
            "since galleries made with it could never be opened again. Name another with --key"
        )
    passphrase = None if no_passphrase else _new_passphrase(settings)
    key = GalleryKey.generate()
    write_key_file(settings.key, key, passphrase)
    settings.notice(
        f"key {key.key_id.hex()} written to {settings.key}; keep a copy in a safe place"
    )
    if passphrase is None:
        settings.notice("it is not protected by a passphrase: whoever can read it has the key")


def _new_passphrase(settings: Settings) -> str:
    passphrase = given_passphrase(settings)
    if passphrase is not None:
        return passphrase
    if not sys.stdin.isatty():
        raise PassphraseRequiredError(
            "a key file is sealed with a passphrase; give one with --passphrase-file or in "
            "GALLERY_PASSPHRASE, or choose --no-passphrase"
        )
    chosen: str = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
    return chosen

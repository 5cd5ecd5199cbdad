"""``gallery rekey``: move a gallery to a new key, or to another parameter set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gallery.commands.desk import erase_all_thumbnails
from gallery.commands.options import (
    common_options,
    new_passphrase_option,
    parameters_option,
    yes_option,
)
from gallery.commands.paths import NamedPath
from gallery.commands.prompts import confirm
from gallery.commands.settings import Settings
from gallery.errors import ErasurePendingError, KeyFileNotFoundError, PassphraseRequiredError

if TYPE_CHECKING:
    from gallery.client import GalleryKey
    from gallery.messages import GalleryDescription

_EPILOG = """
\b
Examples:
  gallery key new --key new.key
  gallery rekey --new-key new.key
  gallery rekey --parameters compact                     same key, another parameter set
  gallery rekey --new-key new.key --discard              give up an unfinished renewal
"""


@click.command("rekey", epilog=_EPILOG)
@click.option(
    "--new-key",
    type=NamedPath(dir_okay=False, path_type=Path),
    help="Key file to move to, from gallery key new. [default: the key stays]",
)
@new_passphrase_option
@parameters_option(
    "Another parameter set. To compact and light, templates lose precision, which the way back "
    "does not restore. [default: it stays]",
    default=None,
)
@click.option("--discard", is_flag=True, help="Erase the copy of an unfinished renewal instead.")
@yes_option
@common_options
def command(
    settings: Settings,
    new_key: Path | None,
    new_passphrase_file: Path | None,
    parameters: str | None,
    discard: bool,
    yes: bool,
) -> None:
    """Move a gallery to a new key, or to another parameter set, without enrolling again.

    A copy is made beside the gallery, encrypted anew under the new key. When all of it is verified,
    it takes the gallery's place and the old one is erased. Until then the gallery stays in use; an
    interrupted run is finished by the same command. References that are removed from the gallery
    meanwhile stay in the copy until the renewal is finished or discarded.

    Backups and copies of the database from before are still under the old key: erase them, and keep
    the old key file only as long as one of them is needed.
    """
    from gallery.client import discard_renewal, renew_gallery
    from gallery.client.gallery_names import find_description
    from gallery.client.integrity.authentication import check_description
    from gallery.parameters import find_parameters

    if new_key is None and new_passphrase_file is not None:
        raise click.UsageError("--new-passphrase-file is for --new-key")
    if discard and parameters is not None:
        raise click.UsageError("--discard gives a renewal up, whatever its --parameters")
    if not discard and new_key is None and parameters is None:
        raise click.UsageError("give --new-key, --parameters, or both")
    new = settings if new_key is None else settings.with_new(new_key, new_passphrase_file)
    with settings.open_service() as service:
        if discard:
            discard_renewal(service, _open_new(new, settings), settings.gallery)
            settings.notice(f"the unfinished renewal of {settings.gallery!r} is given up")
            return
        old = settings.open_key()
        to = old if new is settings else _open_new(new, settings)
        found = find_description(service, settings.gallery)
        # Checked before any of it is shown: until then it is whatever the server likes to say.
        check_description(found, to if found.key_id == to.key_id else old)
        if not yes:
            confirm(
                f"Move gallery {settings.gallery!r} to key {to.key_id.hex()} with parameter set "
                f"{parameters or found.parameters}, and erase it under key {old.key_id.hex()}?"
            )
        total = len(service.manifest(found.gallery_id).entries)
        try:
            with settings.progress("renewing blocks", total) as advance:
                done = renew_gallery(
                    service,
                    old,
                    to,
                    settings.gallery,
                    parameters=find_parameters(parameters) if parameters else None,
                    states=settings.open_states(),
                    new_states=new.open_states(),
                    backend=settings.backend,
                    cache=settings.open_cache(),
                    progress=advance,
                )
        except ErasurePendingError:
            settings.notice(f"gallery {settings.gallery!r} is under key {to.key_id.hex()} now")
            _erase_old_thumbnails(settings, found, old)
            raise
    settings.notice(
        f"gallery {settings.gallery!r} is under key {to.key_id.hex()} now, with parameter set "
        f"{done.parameters}; references: {done.references}, blocks: {done.blocks}"
    )
    if new is not settings:
        settings.notice(f"name it from now on with --key {new.key}")
    _erase_old_thumbnails(settings, found, old)


def _erase_old_thumbnails(settings: Settings, found: GalleryDescription, old: GalleryKey) -> None:
    """Erase what the desk keeps of the gallery as it was, unless it was renewed by another run."""
    if found.key_id == old.key_id:
        erase_all_thumbnails(settings.key, found.gallery_id)


def _open_new(new: Settings, settings: Settings) -> GalleryKey:
    """Open the new key file."""
    if new is settings:
        return settings.open_key()
    try:
        return new.open_key()
    except KeyFileNotFoundError as error:
        raise KeyFileNotFoundError(
            f"{error.message}; make one with gallery key new --key {new.key}, or name another with "
            "--new-key"
        ) from error
    except PassphraseRequiredError as error:
        raise PassphraseRequiredError(
            f"{new.key} is sealed with a passphrase; give it with --new-passphrase-file, in "
            "GALLERY_NEW_PASSPHRASE, or at the prompt"
        ) from error

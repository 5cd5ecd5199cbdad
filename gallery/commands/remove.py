"""``gallery remove``: erase references."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from gallery.commands.counts import counted
from gallery.commands.desk import erase_thumbnails
from gallery.commands.options import common_options, json_option, yes_option
from gallery.commands.prompts import confirm
from gallery.commands.reference_wording import whom
from gallery.commands.settings import Settings
from gallery.commands.terminal import print_json
from gallery.errors import ErasurePendingError

if TYPE_CHECKING:
    from gallery.client import GalleryClient, Reference
    from gallery.client.progress import Progress

_EPILOG = """
\b
Examples:
  gallery remove "Ada Lovelace"
  gallery remove --id fd6479a478106afd72baf801077422cf --yes
  gallery remove --expired
"""


@click.command("remove", epilog=_EPILOG)
@click.argument("names", metavar="[LABEL|ID]...", nargs=-1)
@click.option(
    "--label", "labels", multiple=True, metavar="LABEL", help="A label, and no identifier."
)
@click.option(
    "--id", "identifiers", multiple=True, metavar="ID", help="An identifier, and no label."
)
@click.option("--expired", is_flag=True, help="Everybody who has expired.")
@yes_option
@json_option("Print a JSON object for each erased reference.")
@common_options
def command(
    settings: Settings,
    names: tuple[str, ...],
    labels: tuple[str, ...],
    identifiers: tuple[str, ...],
    expired: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Erase all references of the given labels, and those with the given identifiers.

    Templates, labels and the former versions of their blocks are gone from the database's files
    when the command is done, and embeddings of the same photos from the cache of this machine.
    Backups, copies of the file system and caches of other machines are yours to erase.

    A name that is the label of some references and the identifier of another one is refused;
    --label and --id, which can be repeated, tell the two apart.

    With --expired, people whose expiry has passed by the clock of this machine are erased too.
    """
    if not (names or labels or identifiers or expired):
        raise click.UsageError("name what to erase: LABEL, ID, --label, --id or --expired")
    with settings.open_client() as client:
        if expired:
            gone = [person.label for person in client.people() if person.is_expired]
            if not (gone or names or labels or identifiers):
                settings.notice("nobody has expired; nothing was changed")
                return
            labels = (*labels, *gone)
        chosen = client.find(names, labels=labels, reference_ids=identifiers)
        if not yes:
            confirm(
                f"Erase {counted(len(chosen), 'reference')} from gallery {settings.gallery!r} "
                f"for good: {whom(chosen)}?"
            )
        with settings.progress("erasing references", len(chosen)) as advance:
            removed = _removed(settings, client, chosen, advance)
    settings.notice(f"erased references: {len(removed):,} ({whom(removed)})")
    if as_json:
        for item in removed:
            record = {"label": item.label, "reference_id": item.reference_id}
            print_json(record)


def _removed(
    settings: Settings,
    client: GalleryClient,
    chosen: Sequence[Reference],
    advance: Progress,
) -> tuple[Reference, ...]:
    """Erase references, and the thumbnails that the desk keeps of them."""
    identifiers = [item.reference_id for item in chosen]
    gallery_id = client.description.gallery_id
    try:
        removed = client.remove(reference_ids=identifiers, progress=advance)
    except ErasurePendingError:  # they are gone from the gallery all the same
        erase_thumbnails(settings.key, gallery_id, identifiers)
        raise
    erase_thumbnails(settings.key, gallery_id, identifiers)
    return removed

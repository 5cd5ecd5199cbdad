"""``gallery list``: list the references of a gallery."""

from __future__ import annotations

import unicodedata
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import click

from gallery.commands.options import common_options, json_option
from gallery.commands.output import print_table
from gallery.commands.settings import Settings
from gallery.commands.terminal import print_json

if TYPE_CHECKING:
    from gallery.client import GalleryClient, Reference

_EPILOG = """
\b
Examples:
  gallery list
  gallery list --label "Ada*" --json
"""


@click.command("list", epilog=_EPILOG)
@click.option(
    "--label",
    metavar="PATTERN",
    help="Only this label, or if there is none, labels like it: * stands for anything, ? for one "
    "character, [ab] for one of these.",
)
@json_option("Print one JSON object a reference and line.")
@common_options
def command(settings: Settings, label: str | None, as_json: bool) -> None:
    """List the references of a gallery, with their labels opened."""
    with settings.open_client() as client:
        found = list(client.references()) if label is None else _like(client, label)
    if as_json:
        for reference in found:
            record = {"label": reference.label, "reference_id": reference.reference_id}
            print_json(record)
        return
    if found:
        print_table(("label", "reference"), ((item.label, item.reference_id) for item in found))
    settings.notice(f"{len(found)} references")


def _like(client: GalleryClient, pattern: str) -> list[Reference]:
    """Return the references of the label that is written like this, else of all that are like it.

    What is given is normalised as labels are.
    """
    wanted = unicodedata.normalize("NFC", pattern).strip()
    found = list(client.references())
    exact = [item for item in found if item.label == wanted]
    return exact or [item for item in found if fnmatchcase(item.label, wanted)]

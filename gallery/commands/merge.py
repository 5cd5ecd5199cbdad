"""``gallery merge``: make one person of two."""

from __future__ import annotations

import click

from gallery.commands.options import common_options, json_option, yes_option
from gallery.commands.prompts import confirm
from gallery.commands.reference_wording import whom
from gallery.commands.relabelled import report
from gallery.commands.settings import Settings

_EPILOG = """
\b
Example:
  gallery merge "A. Lovelace" "Ada Lovelace"
"""


@click.command("merge", epilog=_EPILOG)
@click.argument("absorbed", metavar="LABEL")
@click.argument("kept", metavar="INTO")
@yes_option
@json_option("Print a JSON object for each reference, with its new label.")
@common_options
def command(settings: Settings, absorbed: str, kept: str, yes: bool, as_json: bool) -> None:
    """Give all references of LABEL the label INTO, which somebody must have.

    Afterwards nothing tells them from the others of INTO but their identifiers, with which gallery
    assign takes one out again. Templates stay as they are, as for gallery rename.
    """
    with settings.open_client() as client:
        if not yes:
            both = client.find(labels=[absorbed, kept])
            confirm(f"Make one person of {whom(both)} in gallery {settings.gallery!r}?")
        changed = client.merge(absorbed, kept)
    report(settings, "merged", changed, as_json)

"""``gallery rename``: give a person another label."""

from __future__ import annotations

import click

from gallery.commands.options import common_options, json_option
from gallery.commands.relabelled import report
from gallery.commands.settings import Settings

_EPILOG = """
\b
Example:
  gallery rename "Ada Byron" "Ada Lovelace"
"""


@click.command("rename", epilog=_EPILOG)
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@json_option("Print a JSON object for each reference, with its new label.")
@common_options
def command(settings: Settings, old: str, new: str, as_json: bool) -> None:
    """Give all references of the label OLD the label NEW, which nobody may have.

    Templates stay as they are: labels are sealed anew, in one step. The old label, sealed, is gone
    from the database's files when the command is done. Backups and copies are yours to erase.
    """
    with settings.open_client() as client:
        changed = client.rename(old, new)
    report(settings, "renamed", changed, as_json)

"""``gallery list``: list the references of a gallery."""

from __future__ import annotations

import click

from gallery.commands.label_patterns import label_pattern_option, with_label_like
from gallery.commands.options import common_options, json_option
from gallery.commands.output import print_table
from gallery.commands.settings import Settings
from gallery.commands.terminal import print_json

_EPILOG = """
\b
Examples:
  gallery list
  gallery list --label "Ada*" --json
"""


@click.command("list", epilog=_EPILOG)
@label_pattern_option
@json_option("Print one JSON object a reference and line.")
@common_options
def command(settings: Settings, label: str | None, as_json: bool) -> None:
    """List the references of a gallery, with their labels opened."""
    with settings.open_client() as client:
        found = with_label_like(client.references(), label)
    if as_json:
        for reference in found:
            record = {"label": reference.label, "reference_id": reference.reference_id}
            print_json(record)
        return
    if found:
        print_table(("label", "reference"), ((item.label, item.reference_id) for item in found))
    settings.notice(f"{len(found)} references")

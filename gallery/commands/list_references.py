"""``gallery list``: list the references of a gallery."""

from __future__ import annotations

from fnmatch import fnmatchcase

import click
from rich.text import Text

from gallery.commands.options import common_options, json_option
from gallery.commands.output import result_table, results
from gallery.commands.settings import Settings
from gallery.commands.terminal import print_json

_EPILOG = """
\b
Examples:
  gallery list
  gallery list --label "Ada*" --json
"""


@click.command("list", epilog=_EPILOG)
@click.option("--label", metavar="PATTERN", help="Only labels like this; * stands for anything.")
@json_option("Print one JSON object a reference and line.")
@common_options
def command(settings: Settings, label: str | None, as_json: bool) -> None:
    """List the references of a gallery, with their labels opened."""
    with settings.open_client() as client:
        found = [
            reference
            for reference in client.references()
            if label is None or fnmatchcase(reference.label, label)
        ]
    if as_json:
        for reference in found:
            record = {"label": reference.label, "reference_id": reference.reference_id}
            print_json(record)
        return
    table = result_table("label", "reference")
    for reference in found:
        table.add_row(Text(reference.label), reference.reference_id)
    if found:
        results().print(table)
    settings.notice(f"{len(found)} references")

"""``gallery list``: list the references of a gallery."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gallery.commands.counts import counted
from gallery.commands.label_patterns import label_pattern_option, normal_pattern, with_label_like
from gallery.commands.options import common_options
from gallery.commands.output import print_table
from gallery.commands.records import TableFormat, print_records, table_options
from gallery.commands.settings import Settings
from gallery.errors import InvalidLabelError

if TYPE_CHECKING:
    from gallery.client import GalleryClient, Reference

_EPILOG = """
\b
Examples:
  gallery list
  gallery list --label "Ada*" --json
"""


@click.command("list", epilog=_EPILOG)
@label_pattern_option
@table_options("reference")
@common_options
def command(settings: Settings, label: str | None, form: TableFormat | None) -> None:
    """List the references of a gallery, with their labels opened."""
    with settings.open_client() as client:
        found = _written_so(client, label) or with_label_like(client.references(), label)
    if form is not None:
        records = ({"label": item.label, "reference_id": item.reference_id} for item in found)
        print_records(form, ("label", "reference_id"), records)
        return
    if found:
        print_table(("label", "reference"), ((item.label, item.reference_id) for item in found))
    settings.notice(counted(len(found), "reference"))


def _written_so(client: GalleryClient, label: str | None) -> list[Reference]:
    """Return the references of a label that is written so, without opening those of others."""
    if label is None:
        return []
    try:
        return list(client.references([normal_pattern(label)]))
    except InvalidLabelError:  # a pattern may be what no label is
        return []

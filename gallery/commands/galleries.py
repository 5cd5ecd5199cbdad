"""``gallery galleries``: list the galleries of a database or a server."""

from __future__ import annotations

import click

from gallery.commands.counts import counted
from gallery.commands.options import service_options
from gallery.commands.output import print_table
from gallery.commands.records import TableFormat, print_records, table_options
from gallery.commands.settings import ServiceSettings

_EPILOG = """
\b
Examples:
  gallery galleries
  gallery galleries --server https://faces.example.org --json
"""


@click.command("galleries", epilog=_EPILOG)
@table_options("gallery")
@service_options
def command(settings: ServiceSettings, form: TableFormat | None) -> None:
    """List the names of the galleries in a database, or of those that a server's token is for.

    No key is needed, and nothing that is told is verified.
    """
    with settings.open_service() as service:
        names = service.gallery_names()
    if form is not None:
        print_records(form, ("name",), ({"name": name} for name in names))
    elif names:
        print_table(("name",), ((name,) for name in names))
    settings.notice(counted(len(names), "gallery", "galleries"))

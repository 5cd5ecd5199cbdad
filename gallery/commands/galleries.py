"""``gallery galleries``: list the galleries of a database or a server."""

from __future__ import annotations

import click
from rich.text import Text

from gallery.commands.counts import counted
from gallery.commands.options import service_options
from gallery.commands.output import result_table, results
from gallery.commands.settings import ServiceSettings
from gallery.commands.tables import TableFormat, print_records, table_options

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
        table = result_table("name")
        for name in names:
            table.add_row(Text(name))
        results().print(table)
    settings.notice(counted(len(names), "gallery", "galleries"))

"""``gallery galleries``: list the galleries of a database or a server."""

from __future__ import annotations

import click
from rich.text import Text

from gallery.commands.options import json_option, service_options
from gallery.commands.output import result_table, results
from gallery.commands.settings import ServiceSettings
from gallery.commands.terminal import print_json

_EPILOG = """
\b
Examples:
  gallery galleries
  gallery galleries --server https://faces.example.org --json
"""


@click.command("galleries", epilog=_EPILOG)
@json_option("Print one JSON object a gallery and line.")
@service_options
def command(settings: ServiceSettings, as_json: bool) -> None:
    """List the names of the galleries in a database, or of those that a server's token is for.

    No key is needed, and nothing that is told is verified.
    """
    with settings.open_service() as service:
        names = service.gallery_names()
    if as_json:
        for name in names:
            print_json({"name": name})
    elif names:
        table = result_table("name")
        for name in names:
            table.add_row(Text(name))
        results().print(table)
    settings.notice(f"{len(names)} galleries")

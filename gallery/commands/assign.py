"""``gallery assign``: give single references another label."""

from __future__ import annotations

import click

from gallery.commands.options import common_options, json_option
from gallery.commands.relabelled import report
from gallery.commands.settings import Settings

_EPILOG = """
\b
Example:
  gallery assign fd6479a478106afd72baf801077422cf "Grace Hopper"
"""


@click.command("assign", epilog=_EPILOG)
@click.argument("identifiers", metavar="ID...", nargs=-1, required=True)
@click.argument("label", metavar="LABEL")
@json_option("Print a JSON object for each reference whose label was changed.")
@common_options
def command(settings: Settings, identifiers: tuple[str, ...], label: str, as_json: bool) -> None:
    """Give the references with these identifiers a label, be it new or another person's.

    For a photo that was enrolled under a wrong name. gallery list shows identifiers. Templates stay
    as they are, as for gallery rename.
    """
    with settings.open_client() as client:
        changed = client.assign(identifiers, label)
    report(settings, "assigned", changed, as_json)

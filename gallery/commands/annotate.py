"""``gallery annotate``: change attributes and expiry of people who are enrolled."""

from __future__ import annotations

import click

from gallery.commands.dates import FORMS
from gallery.commands.details import NEVER, attribute_option, details_of, expires_option
from gallery.commands.options import common_options, json_option
from gallery.commands.settings import Settings
from gallery.commands.terminal import print_json

_EPILOG = """
\b
Examples:
  gallery annotate "Ada Lovelace" --attribute id=4711 --expires 2027-01-31
  gallery annotate "Ada Lovelace" --unset id --expires never
  gallery people --attribute id=4711
"""


@click.command("annotate", epilog=_EPILOG)
@click.argument("labels", metavar="LABEL...", nargs=-1, required=True)
@attribute_option(
    "Attribute of these people, such as a number in another system; it replaces theirs of the same "
    "name. May be given several times."
)
@click.option(
    "--unset",
    metavar="NAME",
    multiple=True,
    help="An attribute that they lose. May be given several times.",
)
@expires_option(f"Time from which they are no match any more: {FORMS}; or never.", or_never=True)
@json_option("Print a JSON object for each person of whom anything was changed.")
@common_options
def command(
    settings: Settings,
    labels: tuple[str, ...],
    attributes: dict[str, str],
    unset: tuple[str, ...],
    expires: int | str | None,
    as_json: bool,
) -> None:
    """Change attributes and expiry of people who are enrolled; gallery people shows them.

    Both are sealed with the label of each of their references, in one step, and go where it goes:
    with gallery rename, merge, rekey, export and import. Values that are replaced or unset are gone
    from the database's files when the command is done. A server sees the same as of a renaming.

    People who have expired are listed by searches and are no match; gallery remove --expired erases
    them.
    """
    if not (attributes or unset or expires is not None):
        raise click.UsageError("say what to change: --attribute, --unset or --expires")
    if both := attributes.keys() & set(unset):
        raise click.UsageError(f"{min(both)!r} is given and unset at once")
    moment = expires if isinstance(expires, int) else None
    details = details_of(attributes, moment)
    with settings.open_client() as client:
        changed = client.annotate(labels, details, without=unset, unlimited=expires == NEVER)
    unchanged = "" if changed else ": all of that was so already"
    settings.notice(f"people changed: {len(changed):,}{unchanged}")
    if as_json:
        for label in changed:
            print_json({"label": label})

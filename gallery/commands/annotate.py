"""``gallery annotate``: change attributes and expiry of people who are enrolled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gallery.commands.details import attribute_option, details_of, expires_option
from gallery.commands.main import EXIT_PARTIAL
from gallery.commands.options import common_options, json_option
from gallery.commands.output import print_table
from gallery.commands.paths import NamedPath
from gallery.commands.settings import Settings
from gallery.commands.terminal import print_json
from gallery.dates import FORMS, NEVER, iso

if TYPE_CHECKING:
    from gallery.client import AnnotatedPerson

_EPILOG = """
\b
Examples:
  gallery annotate "Ada Lovelace" --attribute id=4711 --expires 2027-01-31
  gallery annotate "Ada Lovelace" --unset id --expires never
  gallery people --attribute id=4711
  gallery annotate --from people.csv --dry-run    columns: label,id,team,expires
"""


_NONE = "(none)"


@click.command("annotate", epilog=_EPILOG)
@click.argument("labels", metavar="[LABEL]...", nargs=-1)
@click.option(
    "--from",
    "table",
    metavar="FILE",
    type=NamedPath(exists=True, dir_okay=False, path_type=Path),
    help="CSV with a line for each person: a column 'label', perhaps 'expires', and a column for "
    "each attribute. Fields that are empty change nothing.",
)
@click.option(
    "--unset-empty",
    is_flag=True,
    help="With --from, take away what a person's field is empty of.",
)
@click.option("--dry-run", is_flag=True, help="With --from, show what would be changed.")
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
    table: Path | None,
    unset_empty: bool,
    dry_run: bool,
    attributes: dict[str, str],
    unset: tuple[str, ...],
    expires: int | str | None,
    as_json: bool,
) -> int:
    """Change attributes and expiry of people who are enrolled; gallery people shows them.

    Both are sealed with the label of each of their references, in one step, and go where it goes:
    with gallery rename, merge, rekey, export and import. Values that are replaced or unset are gone
    from the database's files when the command is done. A server sees the same as of a renaming.

    People who have expired are listed by searches and are no match; gallery remove --expired erases
    them.

    With --from FILE each person gets what a table says, all in one step. Those of the table who are
    not enrolled are told, and the exit code is 1. Given again, it changes nothing.
    """
    given = bool(attributes or unset or expires is not None)
    if table is not None:
        if labels or given:
            raise click.UsageError("--from goes with no label, --attribute, --unset or --expires")
        return _annotate_from(settings, table, unset_empty, dry_run, as_json)
    if unset_empty or dry_run:
        raise click.UsageError("--unset-empty and --dry-run go with --from")
    if not labels:
        raise click.UsageError("name the people, or give a table with --from")
    if not given:
        raise click.UsageError("say what to change: --attribute, --unset or --expires")
    if both := attributes.keys() & set(unset):
        raise click.UsageError(f"{min(both)!r} is given and unset at once")
    moment = expires if isinstance(expires, int) else None
    details = details_of(attributes, moment)
    with settings.open_client() as client:
        changed = client.annotate(labels, details, without=unset, unlimited=expires == NEVER)
    _tell_changed(settings, len(changed))
    if as_json:
        for label in changed:
            print_json({"label": label})
    return 0


def _annotate_from(
    settings: Settings, path: Path, unset_empty: bool, dry_run: bool, as_json: bool
) -> int:
    from gallery.client.editing.people_table import read_people_table
    from gallery.client.embeddings.csv_file import CsvFile

    table = read_people_table(CsvFile.at(path), unset_empty=unset_empty)
    if table.label_title != "label":
        settings.notice(f"labels are taken from the column {table.label_title!r}")
    with settings.open_client() as client:
        done = client.annotate_each(table.changes, write=not dry_run)
    if as_json:
        for person in done.changed:
            print_json(_record(person))
    elif dry_run and done.changed:
        rows = (row for person in done.changed for row in _rows(person))
        print_table(("label", "what", "is", "becomes"), rows)
    if dry_run:
        settings.notice(f"people that would be changed: {len(done.changed):,}")
    else:
        _tell_changed(settings, len(done.changed))
    if done.absent:
        settings.notice(
            f"people of the table who are not enrolled: {len(done.absent):,}, the first is "
            f"{done.absent[0]!r}"
        )
    return EXIT_PARTIAL if done.absent else 0


def _tell_changed(settings: Settings, people: int) -> None:
    unchanged = "" if people else ": all of that was so already"
    settings.notice(f"people changed: {people:,}{unchanged}")


def _record(person: AnnotatedPerson) -> dict[str, object]:
    details = person.details
    return {
        "label": person.label,
        "expires": None if details.expires is None else iso(details.expires),
        "attributes": dict(details.attributes),
    }


def _rows(person: AnnotatedPerson) -> Iterator[tuple[str, str, str, str]]:
    """Yield a row for each change of what is known of a person."""
    former, details = person.former, person.details
    for name, old, new in person.changed_attributes():
        yield person.label, name, old or _NONE, new or _NONE
    if former.expires != details.expires:
        yield person.label, "expires", _expiry(former.expires), _expiry(details.expires)


def _expiry(seconds: int | None) -> str:
    return NEVER if seconds is None else iso(seconds)

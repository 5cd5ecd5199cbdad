"""``gallery people``: list the people of a gallery."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gallery.commands.counts import counted
from gallery.commands.details import attribute_option
from gallery.commands.label_patterns import label_pattern_option, with_label_like
from gallery.commands.options import common_options
from gallery.commands.output import Cell, named_values, print_table
from gallery.commands.records import TableFormat, print_records, table_options
from gallery.commands.settings import Settings
from gallery.dates import iso

if TYPE_CHECKING:
    from gallery.client import Person

_EPILOG = """
\b
Examples:
  gallery people
  gallery people --label "Ada*" --json
  gallery people --attribute id=4711
"""

_COLUMNS = (
    "label",
    "references",
    "first_enrolled",
    "last_enrolled",
    "undated",
    "expires",
    "expired",
    "attributes",
)


@click.command("people", epilog=_EPILOG)
@label_pattern_option
@attribute_option(
    "Only people with this attribute, such as id=4711; if several are given, with all of them."
)
@click.option("--expired", is_flag=True, help="Only people who have expired.")
@table_options("person")
@common_options
def command(
    settings: Settings,
    label: str | None,
    attributes: dict[str, str],
    expired: bool,
    form: TableFormat | None,
) -> None:
    """List the people of a gallery: their references, times of enrollment, attributes and expiry.

    Times are UTC, by the clock of the machine that enrolled; whether somebody has expired is told
    by the clock of this one. References that an earlier version of this program enrolled have no
    time, and are counted as undated.
    """
    with settings.open_client() as client:
        found = with_label_like(client.people(attributes), label)
    found = [person for person in found if person.is_expired or not expired]
    if form is not None:
        print_records(form, _COLUMNS, map(_record, found))
        return
    if found:
        titles: tuple[str, ...] = ("label", "references", "first enrolled", "last enrolled")
        if any(person.details for person in found):
            titles = (*titles, "expires", "attributes")
        print_table(titles, (_row(person)[: len(titles)] for person in found), right=(1,))
    settings.notice(_counted(found))


def _record(person: Person) -> dict[str, object]:
    return {
        "label": person.label,
        "references": person.references,
        "first_enrolled": _time(person.first_enrolled),
        "last_enrolled": _time(person.last_enrolled),
        "undated": person.undated,
        "expires": _time(person.details.expires),
        "expired": person.is_expired,
        "attributes": dict(person.details.attributes),
    }


def _row(person: Person) -> tuple[Cell, ...]:
    """Return the cells of a person; before the first time that is known may be others."""
    first, last = _time(person.first_enrolled), _time(person.last_enrolled)
    if first is not None and person.undated:
        first = f"before {first}"
    expires: Cell = _time(person.details.expires) or "never"
    if person.is_expired:
        expires = f"{expires} (expired)", "red"
    return (
        person.label,
        f"{person.references:,}",
        first or "not known",
        last or "not known",
        expires,
        named_values(person.details.attributes),
    )


def _time(seconds: int | None) -> str | None:
    return None if seconds is None else iso(seconds)


def _counted(found: list[Person]) -> str:
    references = sum(person.references for person in found)
    undated = sum(person.undated for person in found)
    expired = sum(person.is_expired for person in found)
    notes = f", {expired:,} expired" if expired else ""
    notes += f", {undated:,} undated: enrolled by an earlier version" if undated else ""
    return f"{counted(len(found), 'person', 'people')}, {counted(references, 'reference')}{notes}"

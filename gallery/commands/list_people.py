"""``gallery people``: list the people of a gallery."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gallery.commands.dates import iso
from gallery.commands.label_patterns import label_pattern_option, with_label_like
from gallery.commands.options import common_options, json_option
from gallery.commands.output import print_table
from gallery.commands.settings import Settings
from gallery.commands.terminal import print_json

if TYPE_CHECKING:
    from gallery.client import Person

_EPILOG = """
\b
Examples:
  gallery people
  gallery people --label "Ada*" --json
"""


@click.command("people", epilog=_EPILOG)
@label_pattern_option
@json_option("Print one JSON object a person and line.")
@common_options
def command(settings: Settings, label: str | None, as_json: bool) -> None:
    """List the people of a gallery: how many references each has, and since when.

    Times are UTC, by the clock of the machine that enrolled. Of references that an earlier version
    of this program enrolled no time is known; they are counted as undated.
    """
    with settings.open_client() as client:
        found = with_label_like(client.people(), label)
    if as_json:
        for person in found:
            print_json(_record(person))
        return
    if found:
        titles = ("label", "references", "first enrolled", "last enrolled")
        print_table(titles, map(_row, found), right=1)
    settings.notice(_counted(found))


def _record(person: Person) -> dict[str, object]:
    return {
        "label": person.label,
        "references": person.references,
        "first_enrolled": _time(person.first_enrolled),
        "last_enrolled": _time(person.last_enrolled),
        "undated": person.undated,
    }


def _row(person: Person) -> tuple[str, ...]:
    """Return the cells of a person; before the first time that is known may be others."""
    first, last = _time(person.first_enrolled), _time(person.last_enrolled)
    if first is not None and person.undated:
        first = f"before {first}"
    return person.label, f"{person.references:,}", first or "not known", last or "not known"


def _time(seconds: int | None) -> str | None:
    return None if seconds is None else iso(seconds)


def _counted(found: list[Person]) -> str:
    references = sum(person.references for person in found)
    undated = sum(person.undated for person in found)
    note = f", {undated:,} undated: enrolled by an earlier version" if undated else ""
    return f"{len(found):,} people, {references:,} references{note}"

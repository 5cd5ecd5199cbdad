"""``gallery duplicates``: the closest pairs of different people."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click
import numpy as np

from gallery.commands.counts import counted
from gallery.commands.options import common_options, search_threshold_option
from gallery.commands.output import number, print_table
from gallery.commands.records import TableFormat, print_records, table_options
from gallery.commands.settings import KEPT_FOR_PROBES, Settings

if TYPE_CHECKING:
    from gallery.client import ClosePair

_EPILOG = """
\b
Examples:
  gallery duplicates
  gallery duplicates --top 100 --json
"""


_COLUMNS = (
    "label",
    "other_label",
    "distance",
    "decision",
    "reference_id",
    "other_reference_id",
)


@click.command("duplicates", epilog=_EPILOG)
@click.option(
    "--top",
    type=click.IntRange(min=1, max=1000),
    default=10,
    show_default=True,
    metavar="N",
    help="Pairs to show.",
)
@search_threshold_option()
@table_options("pair")
@common_options
def command(
    settings: Settings, top: int, threshold: float | str | None, form: TableFormat | None
) -> None:
    """Find people who may be one: the closest pairs of references with different labels.

    Every reference is searched for, so that this takes as long as searching with that many probes,
    and a server sees that. gallery merge makes one person of two.
    """
    from gallery.client import release

    with settings.open_client(cache_size=KEPT_FOR_PROBES) as client:
        count = client.summary().references
        with settings.progress("comparing", count) as advance:
            found = client.closest_pairs(top, threshold, progress=advance)
        shown = release(np.array([pair.distance for pair in found]), client.description).tolist()
    pairs = [replace(pair, distance=distance) for pair, distance in zip(found, shown, strict=True)]
    if form is not None:
        print_records(form, _COLUMNS, map(_record, pairs))
        return
    if pairs:
        rows = (
            (
                "match" if pair.decision else "non-match",
                number(pair.distance),
                pair.label,
                pair.other_label,
            )
            for pair in pairs
        )
        print_table(("decision", "distance", "label", "other label"), rows, right=(1,))
    matches = sum(pair.decision for pair in pairs)
    settings.notice(
        f"{counted(count, 'reference')} compared, {matches} of {len(pairs)} pairs match"
    )


def _record(pair: ClosePair) -> dict[str, object]:
    return {
        "label": pair.label,
        "other_label": pair.other_label,
        "distance": pair.distance,
        "decision": "match" if pair.decision else "non-match",
        "reference_id": pair.reference_id,
        "other_reference_id": pair.other_reference_id,
    }

"""The results of searches as programs read them, and the notices about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from gallery.commands.records import TableFormat, print_records
from gallery.commands.settings import Settings
from gallery.commands.threshold_notes import notes_on_search

if TYPE_CHECKING:
    from gallery.client import Results
    from gallery.messages import GalleryDescription

_COLUMNS: Final = (
    "probe",
    "decision",
    "label",
    "rank",
    "candidate",
    "reference_id",
    "distance",
    "attributes",
    "expires",
    "expired",
    "threshold",
    "threshold_origin",
    "expected_fpir",
    "metric",
    "searched",
    "ambiguous",
    "second_label",
    "second_distance",
    "warnings",
    "failure",
    "signed",
    "age_seconds",
    "face",
    "faces",
    "left",
    "top",
    "width",
    "height",
    "confidence",
)


def released(done: Results, description: GalleryDescription) -> Results:
    """Return results without the digits of distances that noise reaches."""
    from gallery.client import release

    return replace(
        done,
        distances=release(done.distances, description),
        second_distances=release(done.found.second_distances, description),
    )


def print_found(done: Results, form: TableFormat) -> None:
    """Print results: JSON has one object a probe, CSV a line for each candidate of a probe."""
    records = done.records()
    print_records(form, _COLUMNS, _lines(records) if form is TableFormat.CSV else records)


def tell_of_results(settings: Settings, done: Results, undone: str) -> None:
    """Print the notices on results: people who have expired, the threshold, poor photos.

    Parameters
    ----------
    settings
        How it is said.
    done
        The results.
    undone
        What was not done with probes that failed, such as ``not searched``.
    """
    _say_who_expired(settings, done)
    if was_searched(done):
        for note in notes_on_search(done.found.limit, int(done.found.searched.max())):
            settings.notice(note)
    for row, warnings in done.warnings.items():
        settings.notice(f"poor photo: {done.name(row)}: {'; '.join(warnings)}")
    for row, reason in done.failures.items():
        settings.notice(f"{undone}: {done.probes[row]}: {reason}")


def was_searched(done: Results) -> bool:
    """Whether the gallery was searched at all: not if every photo failed."""
    return len(done.failures) < len(done.found)


def _say_who_expired(settings: Settings, done: Results) -> None:
    """Name the first probe that only somebody who has expired would match; count the others."""
    refused = done.found.refused.nonzero()[0].tolist()
    if not refused:
        return
    (record,) = done.records(refused[0], 1)
    closest = record["candidates"][0]
    more = "" if len(refused) == 1 else f", and {len(refused) - 1:,} other probes likewise"
    settings.notice(
        f"expired: probe {done.name(refused[0])} shows {closest['label']!r}, who is no match since "
        f"{closest['expires']} (distance {closest['distance']:g}, threshold "
        f"{record['threshold']:g}){more}"
    )


def _lines(records: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for record in records:
        box: dict[str, int] = record["box"] or {}
        common = {name: record.get(name) for name in _COLUMNS} | box
        for rank, candidate in enumerate(record["candidates"], 1):
            yield (
                common
                | candidate
                | {"rank": rank, "label": record["label"], "candidate": candidate["label"]}
            )
        if not record["candidates"]:
            yield common | {"attributes": None, "expired": None}

"""Sightings as they are printed: a table, JSON lines or CSV of people and moments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gallery.commands.output import Cell, decision_cell, number, print_table
from gallery.commands.records import TableFormat, print_records
from gallery.commands.saved_frames import SavedFrames
from gallery.commands.terminal import print_result

if TYPE_CHECKING:
    from gallery.arrays import Floats
    from gallery.client import Identification, LiveSource, Sighting, Threshold, VideoFile
    from gallery.messages import GalleryDescription

_TITLES: Final[tuple[str, ...]] = (
    "track",
    "from",
    "to",
    "frames",
    "decision",
    "label",
    "distance",
    "best at",
)
_COLUMNS: Final = (
    "video",
    "track",
    "from",
    "to",
    "frames",
    "best",
    "left",
    "top",
    "width",
    "height",
    "confidence",
    "frame",
    "decision",
    "label",
    "candidate",
    "reference_id",
    "distance",
    "attributes",
    "threshold",
    "threshold_origin",
    "expected_fpir",
    "metric",
    "searched",
    "ambiguous",
    "second_label",
    "second_distance",
    "expired",
    "warnings",
    "failure",
    "signed",
    "age_seconds",
)
"""Of CSV, which has a line for each track that is over, with the closest candidate."""


def print_titles(form: TableFormat | None) -> None:
    """Print the line with titles that CSV of any number of videos begins with."""
    if form is TableFormat.CSV:
        print_records(form, _COLUMNS, ())


class SightingPrinter:
    """Prints the sightings of one video, and saves their best frames.

    Those of a file are printed as a table at the end; those of a live source one by one, as soon as
    a face was searched with and again when it is gone.

    Parameters
    ----------
    source
        The video.
    description
        The gallery's.
    limit
        The threshold of the searches.
    form
        How, for programs; None for people.
    full_precision
        Whether distances have all digits.
    several
        Whether it is one of several, so that a table says which.
    video
        Its file, or None of a camera.
    frames
        The folder for best frames, or None.

    Attributes
    ----------
    seen, matches
        How many tracks are over, and how many of them matched somebody.
    last_found
        What the last search found, or None.
    """

    def __init__(
        self,
        source: VideoFile | LiveSource,
        description: GalleryDescription,
        limit: Threshold,
        *,
        form: TableFormat | None,
        full_precision: bool,
        several: bool,
        video: Path | None,
        frames: SavedFrames | None,
    ) -> None:
        self._source, self._description, self._limit = source, description, limit
        self._form, self._full_precision = form, full_precision
        self._several, self._video, self._frames = several, video, frames
        self._distances: tuple[Floats, Floats] | None = None
        self.seen = self.matches = 0
        self.last_found: Identification | None = None

    def show(self, sightings: Iterator[Sighting]) -> None:
        """Print sightings, and save their best frames."""
        records = map(self._record, sightings)
        if self._form is TableFormat.CSV:
            over = (record for record in records if record["ended"])
            print_records(self._form, _COLUMNS, map(_cells, over), titles=False)
        elif self._form is not None:
            print_records(self._form, _COLUMNS, records)
        elif self._source.live:
            for record in records:
                print_result(_line(record))
        else:
            self._print_table(records)

    def _print_table(self, records: Iterator[dict[str, Any]]) -> None:
        titles, rows = _TITLES, list[tuple[Cell, ...]]()
        named: tuple[Cell, ...] = (self._source.name,) if self._several else ()
        if named:
            titles = ("video", *titles)
        try:
            rows.extend((*named, *_row(record)) for record in records)
        finally:  # what an interruption has left is a result
            if rows:
                print_table(titles, rows, right=(titles.index("distance"),))

    def _record(self, item: Sighting) -> dict[str, Any]:
        if item.found is not None and item.found is not self.last_found:
            self.last_found, self._distances = item.found, None
        if item.ended:
            self.seen += 1
            self.matches += item.is_match
        box = item.best.face.box
        record: dict[str, Any] = {
            "video": self._source.name,
            "track": item.track,
            "from": self._moment(item.first),
            "to": self._moment(item.last),
            "ended": item.ended,
            "frames": item.frames,
            "best": self._moment(item.best.seconds),
            "box": None if box is None else asdict(box),
            "frame": self._saved(item),
        }
        return self._found(item) | record

    def _found(self, item: Sighting) -> dict[str, Any]:
        from gallery.client import Identification, Results

        quality, row = item.best.face.quality, item.row
        if item.found is None:
            row, failures = 0, {0: "no search could be made"}
            nothing = Identification.empty(1, self._limit, self._description.metric).spread([], 1)
            results = Results([0], nothing, nothing.distances, failures=failures)
        else:
            distances, seconds = self._released(item.found)
            results = Results(range(len(item.found)), item.found, distances, seconds)
        (found,) = results.records(row, 1)
        for of_photos in ("probe", "face", "faces"):
            del found[of_photos]
        return found | {"warnings": list(quality.warnings()), "confidence": quality.confidence}

    def _released(self, found: Identification) -> tuple[Floats, Floats]:
        from gallery.client import release

        if self._distances is None or found is not self.last_found:
            self._distances = found.distances, found.second_distances
            if not self._full_precision:
                self._distances = (
                    release(found.distances, self._description),
                    release(found.second_distances, self._description),
                )
        return self._distances

    def _moment(self, seconds: float) -> float | str:
        if not self._source.live:
            return round(seconds, 3)
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")

    def _saved(self, item: Sighting) -> str | None:
        """Save the best frame of a track that is over; return its path."""
        if self._frames is None or not item.ended:
            return None
        return self._frames.save(self._video, item)


def _cells(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with a cell for each value of the box, and who is closest."""
    candidates = record["candidates"]
    closest = candidates[0]["label"] if candidates else None
    return record | (record["box"] or {}) | {"candidate": closest}


def _row(record: dict[str, Any]) -> tuple[Cell, ...]:
    return (
        str(record["track"]),
        _clock(record["from"]),
        _clock(record["to"]),
        str(record["frames"]),
        decision_cell(record),
        _name(record) or "-",
        number(record["distance"]),
        _clock(record["best"]),
    )


def _line(record: dict[str, Any]) -> str:
    """Return a sighting of a live source as one line, with moments of this machine's zone."""
    first, last = (
        datetime.fromisoformat(record[end]).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        for end in ("from", "to")
    )
    # As long as it goes on it has no end; both are as wide.
    until = last[11:] if record["ended"] else "-" * 8
    cell = decision_cell(record)
    shown = cell if isinstance(cell, str) else cell[0]
    name = _name(record)
    label = "" if name is None else f"  {name}"
    return (
        f"{first} to {until}  track {record['track']}  {shown}{label}  {number(record['distance'])}"
    )


def _name(record: dict[str, Any]) -> str | None:
    """Return the name that is shown: that of the match, or of the person who has expired."""
    label: str | None = record["label"]
    return record["candidates"][0]["label"] if record["expired"] else label


def _clock(seconds: float) -> str:
    """Return a moment of a file, as players show it."""
    minutes, rest = divmod(round(seconds, 1), 60.0)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"

"""Results of searches as files: ``.npz``, Parquet, or JSON lines."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from gallery.arrays import Floats, Integers
from gallery.client.atomic_file import atomic_write
from gallery.client.embeddings.parquet import import_pyarrow
from gallery.client.integrity.clock import in_utc
from gallery.client.photos.faces import FaceBox
from gallery.client.searching.candidates import Identification
from gallery.client.searching.photo_identification import ProbeFace
from gallery.errors import GalleryError
from gallery.hints import Hint

RESULT_KINDS: Final = (".npz", ".parquet", ".jsonl")
"""Endings of the names of files that results can be written to."""

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class FacePlace:
    """The place of a probe's face in its photo.

    Attributes
    ----------
    position
        Which of the photos it is in, from 0.
    number, count
        Its number from the left, from 1, and how many faces of the photo were searched with.
    box
        Where it lies; None with the detector ``skip``.
    confidence
        How sure the detector is, 0 to 1; None without one.
    """

    position: int
    number: int
    count: int
    box: FaceBox | None
    confidence: float | None


def places_of(faces: Sequence[ProbeFace]) -> list[FacePlace]:
    """Return the place of each face in its photo, given all faces of each photo together.

    Parameters
    ----------
    faces
        The faces, by photo and from left to right.

    Returns
    -------
    list of FacePlace
        One for each face, in the same order.
    """
    counts = Counter(face.position for face in faces)
    seen = Counter[int]()
    places = []
    for face in faces:
        seen[face.position] += 1
        number, count = seen[face.position], counts[face.position]
        confidence = face.quality.confidence
        places.append(FacePlace(face.position, number, count, face.box, confidence))
    return places


@dataclass(frozen=True, eq=False)
class Results:
    """The results of a search, as they are written.

    Attributes
    ----------
    probes
        Names of the n probes: their paths, or their numbers in the file they come from.
    found
        The outcome of the search.
    distances
        The distances to write, shape (n, k): those that were found, or rounded ones.
    second_distances
        Those of second subjects, shape (n,), likewise; by default they are left out.
    failures
        Why a probe was not searched with, by its row, which is empty in ``found``.
    warnings
        The flaws of a probe's photo, by its row.
    faces
        Where the probe's face lies in its photo, by its row; none for embeddings.
    """

    probes: Sequence[str | int]
    found: Identification
    distances: Floats
    second_distances: Floats | None = None
    failures: Mapping[int, str] = field(default_factory=dict)
    warnings: Mapping[int, Sequence[str]] = field(default_factory=dict)
    faces: Mapping[int, FacePlace] = field(default_factory=dict)

    def records(self, first: int = 0, count: int | None = None) -> Iterator[dict[str, Any]]:
        """Yield one JSON-ready record for each probe, or for some of them.

        ``decision`` is ``match``, ``non-match``, or ``failed`` for a probe that gave no embedding,
        with the reason as ``failure``. A person who has expired is no match: ``expired`` says that
        the closest candidate would be one otherwise.
        """
        found, stop = self.found, None if count is None else first + count
        signed = _moment(found.signed)
        for row, probe in enumerate(self.probes[first:stop], first):
            candidates = [
                {
                    "label": str(found.labels[row, rank]),
                    "reference_id": str(found.reference_ids[row, rank]),
                    "distance": float(distance),
                    "attributes": dict(found.details[row, rank].attributes),
                    "expires": _moment(found.details[row, rank].expires),
                    "expired": bool(found.expired[row, rank]),
                }
                for rank, distance in enumerate(self.distances[row])
                if math.isfinite(distance)
            ]
            match, failure = bool(found.decisions[row]), self.failures.get(row)
            decision = "match" if match else "non-match"
            best = candidates[0] if candidates else None
            ambiguous, searched = bool(found.ambiguous[row]), int(found.searched[row])
            place = self.faces.get(row)
            yield {
                "probe": probe,
                "decision": decision if failure is None else "failed",
                "label": best["label"] if best and match else None,
                "reference_id": best["reference_id"] if best and match else None,
                "distance": best["distance"] if best else None,
                "threshold": found.threshold,
                "metric": str(found.metric),
                "searched": searched,
                "signed": signed,
                "age_seconds": found.age,
                "candidates": candidates,
                "warnings": list(self.warnings.get(row, ())),
                "failure": failure,
                "ambiguous": ambiguous,
                "second_label": str(found.second_labels[row]) if ambiguous else None,
                "second_distance": self._second_distance(row) if ambiguous else None,
                "threshold_origin": str(found.limit.source),
                "expected_fpir": found.limit.expected_fpir(searched),
                "face": None if place is None else place.number,
                "faces": None if place is None else place.count,
                "box": None if place is None or place.box is None else asdict(place.box),
                "confidence": None if place is None else place.confidence,
                "attributes": best["attributes"] if best and match else {},
                "expired": bool(found.refused[row]),
            }

    def name(self, row: int) -> str:
        """Return a name of a probe for people: its photo, and the face where there are several."""
        place = self.faces.get(row)
        if place is None or place.count == 1:
            return str(self.probes[row])
        return f"{self.probes[row]}, face {place.number} of {place.count}"

    def _second_distance(self, row: int) -> float | None:
        return None if self.second_distances is None else float(self.second_distances[row])


def _moment(seconds: int | None) -> str | None:
    return None if seconds is None else in_utc(seconds)


class ResultFile:
    """A file to be, for its owner alone, that appears under its name complete or not at all.

    Parameters
    ----------
    path
        The file. Its ending is one of `RESULT_KINDS`.
    overwrite
        Whether a file that is there is replaced.

    Raises
    ------
    GalleryError
        If the ending is another, or the file is there already.
    MissingDependencyError
        If it is a Parquet file and pyarrow is not installed.
    """

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        self._path, self._overwrite = path, overwrite
        kind = path.suffix.lower()
        if kind not in RESULT_KINDS:
            raise GalleryError(
                f"results are not written to files such as {path}; its name must end with "
                f"{', '.join(RESULT_KINDS[:-1])} or {RESULT_KINDS[-1]}"
            )
        if not overwrite and os.path.lexists(path):
            raise self._exists()
        if kind == ".parquet":
            import_pyarrow()

    def write(self, results: Results) -> None:
        """Write results (`GalleryError` if the file cannot be written or is there by now).

        Parameters
        ----------
        results
            The results of all probes.
        """
        write = {".npz": _write_npz, ".parquet": _write_parquet, ".jsonl": _write_lines}
        try:
            with atomic_write(self._path, overwrite=self._overwrite) as file:
                write[self._path.suffix.lower()](file, results)
        except FileExistsError as error:
            raise self._exists() from error
        except OSError as error:
            raise GalleryError(f"cannot write {self._path}: {error.strerror or error}") from error

    def _exists(self) -> GalleryError:
        return GalleryError(f"there is a file {self._path} already", hint=Hint.OVERWRITE)


def _write_npz(file: IO[bytes], results: Results) -> None:
    found = results.found
    seconds = results.second_distances
    optional: dict[str, Any] = {} if seconds is None else {"second_distances": seconds}
    np.savez_compressed(
        file,
        probes=np.array(results.probes),
        decisions=found.decisions,
        labels=found.labels,
        reference_ids=found.reference_ids,
        distances=results.distances,
        searched=found.searched,
        threshold=found.threshold,
        metric=str(found.metric),
        signed="" if found.signed is None else in_utc(found.signed),
        age_seconds=np.nan if found.age is None else found.age,
        warnings=np.array(["; ".join(results.warnings.get(row, ())) for row in range(len(found))]),
        failures=np.array([results.failures.get(row, "") for row in range(len(found))]),
        ambiguous=found.ambiguous,
        second_labels=found.second_labels,
        threshold_origin=str(found.limit.source),
        boxes=_boxes(results),
        expired=found.expired,
        attributes=np.array(
            [[json.dumps(item.attributes) for item in row] for row in found.details.tolist()],
            dtype=np.str_,
        ).reshape(found.details.shape),
        **optional,
    )


def _boxes(results: Results) -> Integers:
    """Return left, top, width and height of each probe's face; zeros where there is no box."""
    boxes = np.zeros((len(results.found), 4), dtype=np.int64)
    for row, place in results.faces.items():
        if place.box is not None:
            boxes[row] = astuple(place.box)
    return boxes


def _write_lines(file: IO[bytes], results: Results) -> None:
    for record in results.records():
        # A name that is no UTF-8 is escaped as JSON has it.
        line = json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace")
        file.write(line + b"\n")


def _write_parquet(file: IO[bytes], results: Results) -> None:
    """Write a column for each field of a record; the candidates are a list of structures."""
    pa = import_pyarrow()
    attributes = pa.map_(pa.string(), pa.string())
    candidate = {
        "label": pa.string(),
        "reference_id": pa.string(),
        "distance": pa.float64(),
        "attributes": attributes,
        "expires": pa.string(),
        "expired": pa.bool_(),
    }
    schema = pa.schema(
        {
            "probe": pa.int64() if isinstance(results.probes[0], int) else pa.string(),
            "decision": pa.string(),
            "label": pa.string(),
            "reference_id": pa.string(),
            "distance": pa.float64(),
            "threshold": pa.float64(),
            "metric": pa.string(),
            "searched": pa.int64(),
            "signed": pa.string(),
            "age_seconds": pa.int64(),
            "candidates": pa.list_(pa.struct(candidate)),
            "warnings": pa.list_(pa.string()),
            "failure": pa.string(),
            "ambiguous": pa.bool_(),
            "second_label": pa.string(),
            "second_distance": pa.float64(),
            "threshold_origin": pa.string(),
            "expected_fpir": pa.float64(),
            "face": pa.int64(),
            "faces": pa.int64(),
            "box": pa.struct({name: pa.int64() for name in ("left", "top", "width", "height")}),
            "confidence": pa.float64(),
            "attributes": attributes,
            "expired": pa.bool_(),
        }
    )
    with pa.parquet.ParquetWriter(file, schema) as writer:
        for first in range(0, len(results.probes), _ROWS_AT_ONCE):
            records = map(_in_utf8, results.records(first, _ROWS_AT_ONCE))
            some = list(map(_with_pairs, records))
            writer.write_table(pa.Table.from_pylist(some, schema))


def _in_utf8(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record whose names of files are UTF-8: bytes that are none are told as in JSON."""
    return record | {
        name: record[name].encode("utf-8", "backslashreplace").decode()
        for name in ("probe", "failure")
        if isinstance(record[name], str)
    }


def _with_pairs(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record whose attributes are pairs, as Arrow takes what it calls a map."""
    changed = record | {"attributes": list(record["attributes"].items())}
    if "candidates" in record:
        changed["candidates"] = list(map(_with_pairs, record["candidates"]))
    return changed

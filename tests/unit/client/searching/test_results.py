"""Results in files: what was found comes back from each kind, and no file is half written."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.client import (
    RESULT_KINDS,
    FaceBox,
    FacePlace,
    Identification,
    PersonDetails,
    ResultFile,
    Results,
    Threshold,
    ThresholdSource,
)
from gallery.distances import Metric
from gallery.errors import GalleryError, MissingDependencyError

each_kind = pytest.mark.parametrize("kind", RESULT_KINDS)


def results(probes: list[Any] | None = None) -> Results:
    """Return a match, a non-match of a poor photo, a probe without candidates, and a failure."""
    distances = np.array([[0.125, 0.5], [0.75, np.inf], [np.inf, np.inf], [np.inf, np.inf]])
    details = np.full(distances.shape, PersonDetails(), np.object_)
    details[0, 0] = PersonDetails({"id": "4711", "note": "東"})
    details[0, 1] = PersonDetails(expires=1_790_000_000)
    found = Identification(
        distances=distances + 1e-9,
        reference_ids=np.array([["a" * 32, "b" * 32], ["c" * 32, ""], ["", ""], ["", ""]]),
        labels=np.array([["Zoë", "Grace"], ["東京", ""], ["", ""], ["", ""]]),
        decisions=np.array([True, False, False, False]),
        ambiguous=np.array([True, False, False, False]),
        second_labels=np.array(["Grace", "", "", ""]),
        second_distances=np.array([0.25, np.inf, np.inf, np.inf]) + 1e-9,
        searched=np.array([2, 1, 0, 0]),
        limit=Threshold(0.25, "DeepFace's", ThresholdSource.MODEL, false_match_rate=0.5),
        metric=Metric.COSINE,
        signed=1_790_000_000,
        age=90,
        details=details,
        expired=np.array([[False, True], *[[False, False]] * 3]),
    )
    failures, warnings = {3: "No face was found"}, {1: ("blurred", "tilted")}
    seconds = np.array([0.25, np.inf, np.inf, np.inf])
    faces = {
        0: FacePlace(0, 1, 2, FaceBox(10, 20, 30, 40), 0.5),
        1: FacePlace(0, 2, 2, FaceBox(50, 20, 31, 41), 1.0),
        2: FacePlace(1, 1, 1, None, None),
    }
    return Results(probes or [0, 1, 2, 3], found, distances, seconds, failures, warnings, faces)


RECORDS = [
    {
        "probe": 0,
        "decision": "match",
        "label": "Zoë",
        "reference_id": "a" * 32,
        "distance": 0.125,
        "threshold": 0.25,
        "metric": "cosine",
        "searched": 2,
        "signed": "2026-09-21T14:13:20+00:00",
        "age_seconds": 90,
        "candidates": [
            {
                "label": "Zoë",
                "reference_id": "a" * 32,
                "distance": 0.125,
                "attributes": {"id": "4711", "note": "東"},
                "expires": None,
                "expired": False,
            },
            {
                "label": "Grace",
                "reference_id": "b" * 32,
                "distance": 0.5,
                "attributes": {},
                "expires": "2026-09-21T14:13:20+00:00",
                "expired": True,
            },
        ],
        "warnings": [],
        "failure": None,
        "ambiguous": True,
        "second_label": "Grace",
        "second_distance": 0.25,
        "threshold_origin": "model",
        "expected_fpir": 0.75,
        "face": 1,
        "faces": 2,
        "box": {"left": 10, "top": 20, "width": 30, "height": 40},
        "confidence": 0.5,
        "attributes": {"id": "4711", "note": "東"},
        "expired": False,
    },
    {
        "probe": 1,
        "decision": "non-match",
        "label": None,
        "reference_id": None,
        "distance": 0.75,
        "threshold": 0.25,
        "metric": "cosine",
        "searched": 1,
        "signed": "2026-09-21T14:13:20+00:00",
        "age_seconds": 90,
        "candidates": [
            {
                "label": "東京",
                "reference_id": "c" * 32,
                "distance": 0.75,
                "attributes": {},
                "expires": None,
                "expired": False,
            }
        ],
        "warnings": ["blurred", "tilted"],
        "failure": None,
        "ambiguous": False,
        "second_label": None,
        "second_distance": None,
        "threshold_origin": "model",
        "expected_fpir": 0.5,
        "face": 2,
        "faces": 2,
        "box": {"left": 50, "top": 20, "width": 31, "height": 41},
        "confidence": 1.0,
        "attributes": {},
        "expired": False,
    },
    {
        "probe": 2,
        "decision": "non-match",
        "label": None,
        "reference_id": None,
        "distance": None,
        "threshold": 0.25,
        "metric": "cosine",
        "searched": 0,
        "signed": "2026-09-21T14:13:20+00:00",
        "age_seconds": 90,
        "candidates": [],
        "warnings": [],
        "failure": None,
        "ambiguous": False,
        "second_label": None,
        "second_distance": None,
        "threshold_origin": "model",
        "expected_fpir": 0.0,
        "face": 1,
        "faces": 1,
        "box": None,
        "confidence": None,
        "attributes": {},
        "expired": False,
    },
]
RECORDS.append(
    RECORDS[2]
    | {"probe": 3, "decision": "failed", "failure": "No face was found"}
    | {"face": None, "faces": None},
)


def from_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def from_parquet(path: Path) -> list[dict[str, Any]]:
    parquet = pytest.importorskip("pyarrow.parquet")
    found: list[dict[str, Any]] = parquet.read_table(path).to_pylist(maps_as_pydicts="strict")
    return found


def test_a_record_says_what_was_found_and_rests_on_the_distances_that_are_shown() -> None:
    assert list(results().records()) == RECORDS
    assert list(results().records(1, 1)) == RECORDS[1:2]


def test_a_probe_is_named_with_its_face_where_its_photo_has_more() -> None:
    found = results(["a.jpg", "a.jpg", "b.jpg", "c.jpg"])

    assert [found.name(row) for row in range(4)] == [
        "a.jpg, face 1 of 2",
        "a.jpg, face 2 of 2",
        "b.jpg",
        "c.jpg",
    ]


def test_names_that_are_no_utf_8_are_told_alike(tmp_path: Path) -> None:
    found = results(["a\udcff.jpg", "b", "c", "d\udcfe.jpg"])
    found = replace(found, failures={3: "The photo d\udcfe.jpg cannot be read"})
    for kind in (".jsonl", ".parquet", ".npz"):
        ResultFile(tmp_path / f"found{kind}").write(found)

    written = (tmp_path / "found.jsonl").read_text("utf-8").splitlines()
    rows = from_parquet(tmp_path / "found.parquet")

    assert '"a\\udcff.jpg"' in written[0] and "d\\udcfe.jpg cannot" in written[3]
    assert [rows[0]["probe"], rows[3]["failure"]] == [
        r"a\udcff.jpg",
        r"The photo d\udcfe.jpg cannot be read",
    ]


@pytest.mark.parametrize(("kind", "read"), [(".jsonl", from_lines), (".parquet", from_parquet)])
@pytest.mark.parametrize(
    "probes", [[0, 1, 2, 3], ["a.jpg", "b.jpg", "c", "ü.jpg"]], ids=["rows", "paths"]
)
def test_lines_and_parquet_hold_the_records(
    tmp_path: Path, kind: str, read: Callable[[Path], list[dict[str, Any]]], probes: list[Any]
) -> None:
    path = tmp_path / f"found{kind}"

    ResultFile(path).write(results(probes))

    assert read(path) == [
        record | {"probe": probe} for record, probe in zip(RECORDS, probes, strict=True)
    ]


def test_more_rows_than_are_written_at_once_keep_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gallery.client.searching.results._ROWS_AT_ONCE", 2)

    ResultFile(tmp_path / "found.parquet").write(results())

    assert from_parquet(tmp_path / "found.parquet") == RECORDS


def test_npz_holds_arrays_that_load_without_pickles(tmp_path: Path) -> None:
    ResultFile(tmp_path / "found.npz").write(results())

    with np.load(tmp_path / "found.npz") as arrays:
        found = {name: arrays[name] for name in arrays.files}
    expected = results()
    assert found.pop("probes").tolist() == [0, 1, 2, 3]
    assert found.pop("failures").tolist() == ["", "", "", "No face was found"]
    assert found.pop("warnings").tolist() == ["", "blurred; tilted", "", ""]
    assert np.array_equal(found.pop("distances"), expected.distances)
    assert np.array_equal(found.pop("second_distances"), [0.25, np.inf, np.inf, np.inf])
    assert (found.pop("metric"), found.pop("threshold")) == ("cosine", 0.25)
    assert (found.pop("signed"), found.pop("age_seconds")) == ("2026-09-21T14:13:20+00:00", 90)
    assert found.pop("threshold_origin") == "model"
    assert found.pop("boxes").tolist() == [[10, 20, 30, 40], [50, 20, 31, 41], [0] * 4, [0] * 4]
    stated = [json.loads(text) for text in found.pop("attributes").ravel().tolist()]
    assert stated == [{"id": "4711", "note": "東"}, *[{}] * 7]
    for name, array in found.items():
        assert np.array_equal(array, getattr(expected.found, name)), name


def test_rows_are_spread_to_the_places_of_their_probes() -> None:
    found = results().found

    spread = found.spread([1, 2, 4, 5], 6)

    for row, place in enumerate([1, 2, 4, 5]):
        assert spread.labels[place].tolist() == found.labels[row].tolist()
        assert spread.distances[place].tolist() == found.distances[row].tolist()
    assert spread.decisions.tolist() == [False, True, False, False, False, False]
    assert spread.searched.tolist() == [0, 2, 1, 0, 0, 0]
    assert spread.ambiguous.tolist() == [False, True, False, False, False, False]
    assert spread.second_labels.tolist() == ["", "Grace", "", "", "", ""]
    assert np.isinf(spread.second_distances[[0, 3]]).all()
    assert np.isinf(spread.distances[[0, 3]]).all()
    assert spread.details[1, 0].attributes == {"id": "4711", "note": "東"}
    assert spread.details[0].tolist() == [PersonDetails()] * 2
    assert spread.expired.tolist() == [[False] * 2, [False, True], *[[False] * 2] * 4]
    assert len(Identification.empty(2, found.limit, Metric.COSINE).spread([], 3)) == 3


# --- files ----------------------------------------------------------------------------------------


@each_kind
def test_the_file_is_for_its_owner_alone_and_nothing_is_left_beside_it(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / f"found{kind}"

    ResultFile(path).write(results())

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == [path.name]


@each_kind
def test_a_file_that_is_there_is_replaced_only_if_that_is_meant(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"found{kind}"
    path.write_bytes(b"older")

    with pytest.raises(
        GalleryError, match=r"there is a file .* already; overwrite=True replaces it"
    ):
        ResultFile(path)
    assert path.read_bytes() == b"older"

    ResultFile(path, overwrite=True).write(results())
    assert path.read_bytes() != b"older"


@each_kind
def test_a_file_that_came_meanwhile_is_not_replaced(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"found{kind}"
    file = ResultFile(path)
    path.write_bytes(b"somebody else's")

    with pytest.raises(GalleryError, match="already"):
        file.write(results())

    assert path.read_bytes() == b"somebody else's"
    assert os.listdir(tmp_path) == [path.name]


@each_kind
@pytest.mark.parametrize("overwrite", [False, True])
def test_an_interrupt_leaves_no_file_or_the_one_that_was_there(
    tmp_path: Path, kind: str, overwrite: bool
) -> None:
    class Interrupted(list[int]):
        def __getitem__(self, index: Any) -> Any:
            raise KeyboardInterrupt

        def __array__(self, *_: Any, **__: Any) -> Any:
            raise KeyboardInterrupt

    path = tmp_path / f"found{kind}"
    if overwrite:
        path.write_bytes(b"older")
    file = ResultFile(path, overwrite=overwrite)

    with pytest.raises(KeyboardInterrupt):
        changed: dict[str, Any] = {"probes": Interrupted([0, 1, 2]), "distances": Interrupted()}
        file.write(replace(results(), **changed))

    assert [item.read_bytes() for item in tmp_path.iterdir()] == [b"older"] * overwrite


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match=r"cannot write .*nowhere.*No such file"):
        ResultFile(tmp_path / "nowhere" / "found.npz").write(results())


@pytest.mark.parametrize("name", ["found", "found.csv", "found.json", "npz"])
def test_other_kinds_of_files_are_refused_before_anything_is_done(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(GalleryError, match=r"must end with \.npz, \.parquet or \.jsonl"):
        ResultFile(tmp_path / name)


def test_without_pyarrow_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(MissingDependencyError, match=r"pip install '\.\[parquet\]'"):
        ResultFile(tmp_path / "found.parquet")

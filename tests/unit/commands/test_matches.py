"""Notes on matches: other people who may be meant, and the threshold's origin."""

from __future__ import annotations

import io
import sys
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.client import PhotoEmbedder
from gallery.client.photos import weights
from gallery.client.photos.face_model import WeightsFile
from gallery.commands.hints import told
from gallery.errors import AmbiguousNameError, InvalidThresholdError, WeightsError
from tests.unit.commands.conftest import Command


class Terminal(io.StringIO):
    """A terminal at which somebody has typed the answers already."""

    def isatty(self) -> bool:
        return True


def save(name: str, embeddings: np.ndarray, labels: list[str], model: str | None = None) -> None:
    arrays: dict[str, Any] = {"embeddings": embeddings, "labels": np.array(labels)}
    if model is not None:
        arrays["model"] = np.array(model)
    np.savez(name, **arrays)


def stored_labels(command: Command) -> list[str]:
    return sorted(item["label"] for item in command("list", "--json").records)


# --- a second person ------------------------------------------------------------------------------


def test_a_second_person_is_told_in_text_and_json(made: Command) -> None:
    faces = np.eye(3, 16)
    save("twins.npz", faces[[0, 0, 1]], ["Ada", "Eve", "Zoe"])
    np.savez("probes.npz", embeddings=faces[:2] + 0.01)
    made("enroll", "twins.npz")

    told = made("identify", "probes.npz", "--threshold", 0.2)
    twin, single = made("identify", "probes.npz", "--threshold", 0.2, "--json").records

    assert {twin["label"], twin["second_label"]} == {"Ada", "Eve"}
    assert (twin["ambiguous"], twin["decision"]) == (True, "match")
    assert twin["second_distance"] == twin["distance"]
    assert (single["ambiguous"], single["second_label"]) == (False, None)
    assert f"probe 0 matches {twin['label']!r}, but {twin['second_label']!r} too" in told.err
    assert told.out.count("match, ambiguous") == 1


# --- thresholds -----------------------------------------------------------------------------------


@pytest.fixture
def dlib(command: Command) -> Command:
    """A gallery for Dlib, at DeepFace's threshold, with 80 people."""
    command("key", "new")
    assert command("init", "--model", "Dlib").code == 0
    faces = np.random.default_rng(0).normal(size=(80, 128))
    save("people.npz", faces, [f"person {number}" for number in range(80)], "Dlib")
    command("enroll", "people.npz")
    return command


def test_results_say_that_nothing_was_calibrated_until_something_is(dlib: Command) -> None:
    told = dlib("identify", "people.npz")
    record = dlib("identify", "people.npz", "--json").records[0]

    dlib("init", "--model", "Dlib", "--gallery", "empty")
    empty = dlib("threshold", "show", "--gallery", "empty").err
    assert "how many strangers match somebody grows with the gallery" in empty
    assert "never calibrated for this gallery: expect about 1" in told.err
    assert record["threshold_origin"] == "model"
    assert record["expected_fpir"] == pytest.approx(0.17, abs=0.01)
    assert dlib("info", "--json").records[0]["threshold_origin"] == "model"

    for arguments in (("identify", "people.npz", "--threshold", 0.05), ("threshold", "set", 0.05)):
        assert "calibrated" not in dlib(*arguments).err
    told = dlib("identify", "people.npz")
    assert "never calibrated" not in told.err
    assert "threshold 0.05 (set for the gallery on 20" in told.err
    assert dlib("info", "--json").records[0]["threshold"] == 0.05

    assert "threshold 0.07 (DeepFace's for Dlib and cosine)" in dlib("threshold", "reset").err
    assert "never calibrated" in dlib("threshold", "show").err
    assert dlib("threshold", "show", "--json").records[0]["expected_fpir"] > 0.1


def test_a_gallery_without_a_threshold_is_given_one_later(made: Command) -> None:
    save("people.npz", np.eye(3, 16), ["Ada", "Eve", "Zoe"])
    made("enroll", "people.npz")

    refused = made("identify", "people.npz")
    assert refused.code == 27
    assert "gallery threshold set" in refused.err
    assert "gallery init" not in refused.err
    assert made("threshold", "set", 0.3).code == 0
    assert made("threshold", "show").out.startswith("0.3 (set for the gallery on 20")
    assert made("identify", "people.npz").code == 0
    assert "no threshold any more" in made("threshold", "reset").err
    assert made("identify", "people.npz").code == 27


EVERYWHERE = [
    ("init", "--dimension", 16, "--gallery", "other", "--threshold"),
    ("identify", "people.npz", "--threshold"),
    ("threshold", "set"),
]


@pytest.mark.parametrize("arguments", EVERYWHERE, ids=lambda words: words[0])
def test_an_impossible_threshold_is_refused_and_an_odd_one_warned_of(
    made: Command, arguments: tuple[object, ...]
) -> None:
    save("people.npz", np.eye(3, 16), ["Ada", "Eve", "Zoe"])
    made("enroll", "people.npz")

    refused, warned, usual = (made(*arguments, value) for value in (10, 1.5, 0.4))

    assert refused.code == InvalidThresholdError.exit_code
    assert "everybody matches everybody" in refused.err
    assert "warning: a threshold of 1.5" in warned.err
    if arguments[0] != "init":
        assert "warning" not in usual.err


def test_a_threshold_of_another_metric_is_warned_of(made: Command) -> None:
    done = made(
        "init", "--dimension", 16, "--metric", "euclidean", "--gallery", "raw", "--threshold", 0.4
    )

    assert done.code == 0
    assert "warning: a threshold of 0.4 may let nearly nobody match" in done.err


# --- where embeddings come from -------------------------------------------------------------------


def test_embeddings_of_unnamed_origin_are_warned_of_once_a_run(dlib: Command) -> None:
    faces = np.random.default_rng(1).normal(size=(4, 128))
    for number in range(2):
        save(f"unnamed {number}.npz", faces[2 * number :][:2], ["Ada", "Eve"])

    enrolled = dlib("enroll", "unnamed 0.npz", "unnamed 1.npz")
    searched = dlib("identify", "unnamed 0.npz")

    assert enrolled.err.count("does not say which face model made them") == 1
    assert searched.err.count("does not say which face model made them") == 1
    assert "which face model" not in dlib("identify", "people.npz").err


# --- whom a name means ----------------------------------------------------------------------------


@pytest.fixture
def namesakes(made: Command) -> str:
    """The identifier of Ada's reference, which is the label of another one."""
    save("ada.npz", np.eye(1, 16), ["Ada"])
    made("enroll", "ada.npz")
    identifier: str = made("list", "--json").records[0]["reference_id"]
    save("others.npz", np.eye(4, 16)[1:], [identifier, "John Smith", "John Smith"])
    made("enroll", "others.npz")
    return identifier


def test_a_label_that_is_an_identifier_erases_nobody_else(made: Command, namesakes: str) -> None:
    refused = made("remove", namesakes, "--yes")
    assert refused.code == AmbiguousNameError.exit_code
    assert "--label or --id" in refused.err
    assert len(stored_labels(made)) == 4

    done = made("remove", "--label", namesakes, "--yes")
    assert f"erased references: 1 (1 of {namesakes!r})" in done.err
    done = made("remove", "--id", namesakes, "--yes", "--json")
    assert done.records == [{"label": "Ada", "reference_id": namesakes}]
    assert stored_labels(made) == ["John Smith", "John Smith"]
    assert made("remove").code == 2


def test_questions_say_whom_and_how_many(
    made: Command, namesakes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    asked = made("remove", "Ada", "John Smith")

    assert "Erase 3 references from gallery 'default' for good: 1 of 'Ada', 2 of 'John Smith'?" in (
        asked.err
    )
    assert len(stored_labels(made)) == 4

    save("new.npz", np.eye(5, 16)[4:], ["John Smith"])
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    asked = made("enroll", "new.npz", "--replace")
    assert "Replace 2 references in gallery 'default': 2 of 'John Smith'?" in asked.err
    assert len(stored_labels(made)) == 4


@pytest.mark.parametrize("yes", [True, False], ids=["--yes", "without a terminal"])
def test_what_is_replaced_and_who_is_far_from_their_namesakes_is_reported(
    made: Command, namesakes: str, yes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made("threshold", "set", 0.3)
    save("new.npz", np.eye(5, 16)[4:], ["John Smith"])
    monkeypatch.setattr(sys, "stdin", Terminal("") if yes else io.StringIO(""))

    done = made("enroll", "new.npz", "--replace", "--json", *(["--yes"] if yes else []))

    assert done.code == 0
    assert "erased references: 2 (2 of 'John Smith')" in done.err
    assert "this face of 'John Smith' is far from all others of that label" in done.err
    (record,) = done.records
    assert [item["label"] for item in record["erased"]] == ["John Smith"] * 2
    assert [item["label"] for item in record["outliers"]] == ["John Smith"]


# --- lists ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("[test]", ["[test]"]),
        ("Zo\u00eb", ["Zo\u00eb"]),
        (unicodedata.normalize("NFD", "Zo\u00eb"), ["Zo\u00eb"]),
        (unicodedata.normalize("NFD", "Zo\u00eb") + "*", ["Zo\u00eb", "Zo\u00eb B."]),
        (" Zo\u00eb ", ["Zo\u00eb"]),
        ("who?", ["who?"]),
        ("a*b", ["a*b"]),
        ("*", None),
        ("[tz]", ["t"]),
        ("nobody", []),
    ],
)
def test_list_finds_the_label_that_is_written(
    made: Command, pattern: str, found: list[str] | None
) -> None:
    everybody = sorted(["[test]", "t", "Zo\u00eb", "Zo\u00eb B.", "who?", "whom", "a*b", "a--b"])
    save("people.npz", np.eye(8, 16), everybody)
    made("enroll", "people.npz")

    listed = made("list", "--label", pattern, "--json").records

    assert sorted(item["label"] for item in listed) == (everybody if found is None else found)


def test_a_table_of_any_length_has_columns(made: Command) -> None:
    people = ["Ada", "東京", "somebody with a long name"]
    save("people.npz", np.eye(3, 16), people)
    made("enroll", "people.npz")

    title, *rows = made("list").out.splitlines()

    assert title.split() == ["label", "reference"]
    assert len({len(row.encode("utf-16-le")) for row in rows if row.isascii()}) == 1
    assert sorted(row.rsplit(maxsplit=1)[0].strip() for row in rows) == sorted(people)


# --- advice, and checks that come before long work ------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("calibrate", "people", "--folds", 2), "too small: an FPIR of 0.01 needs at least 100"),
        (("calibrate", "people", "--folds", 9), "2 people cannot be split into 9 folds"),
        (("calibrate", "single", "--folds", 2), "no person has two samples"),
        (("evaluate", "people", "--model", "Dlib", "--folds", 9), "cannot be split into 9 folds"),
    ],
    ids=["fpir", "folds", "samples", "evaluate"],
)
def test_a_set_that_is_too_small_is_refused_before_photos_are_embedded(
    dlib: Command,
    arguments: tuple[object, ...],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    for person, count in (
        ("people/Ada", 2),
        ("people/Eve", 2),
        ("single/Ada", 1),
        ("single/Eve", 1),
    ):
        (tmp_path / person).mkdir(parents=True)
        for number in range(count):
            (tmp_path / person / f"{number}.jpg").write_bytes(b"no photo is opened")
    monkeypatch.setattr(PhotoEmbedder, "embed", lambda *_: pytest.fail("a photo was embedded"))

    done = dlib(*arguments)

    assert done.code == 50
    assert reason in done.err


def test_dlib_is_no_way_out_of_what_keeps_dlibs_files_away() -> None:
    assert "Dlib" in told(_weights_error("model Facenet"))
    assert "gallery init" not in told(_weights_error("model Dlib"))


def _weights_error(wanted: str) -> WeightsError:
    file = WeightsFile("folder.of.no.package/file.dat", ("https://example.org/file.dat",))
    with pytest.raises(WeightsError) as raised:
        weights.ensure_file(file, wanted, weights.WeightsSource(download=False))
    return raised.value


def test_a_new_key_that_is_not_there_is_named_by_its_own_option(made: Command) -> None:
    done = made("rekey", "--new-key", "nowhere.key", "--yes")

    assert done.code == 11
    assert "--new-key" in done.err
    assert "gallery key new --key nowhere.key" in done.err

"""Measuring accuracy and calibrating, from files to a report and to decisions."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.commands.main import run
from gallery.demo.samples import Samples
from tests.support.photos import LondonPerson

PEOPLE = 36


@dataclass(frozen=True)
class Done:
    """What a command did."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Runs the command line in an empty folder, with temporary files in a folder of its own."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("GALLERY_KEY", str(tmp_path / "owner.key"))
    monkeypatch.setenv("GALLERY_PASSPHRASE", "correct horse")
    for name in ("GALLERY_DATABASE", "GALLERY_BACKEND", "GALLERY_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: object) -> Done:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return Done(code, *capsys.readouterr())

    return call


def write_faces(path: Path, people: int, spread: float = 0.7) -> Path:
    """Write a file with three embeddings each of some people."""
    generator = np.random.default_rng(0)
    centres = np.repeat(generator.normal(size=(people, 32)), 3, axis=0)
    embeddings = centres + spread * generator.normal(size=centres.shape)
    np.savez(path, embeddings=embeddings, labels=[f"person {i // 3}" for i in range(len(centres))])
    return path


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """A file of embeddings that is large enough to show an FPIR of 0.01."""
    return write_faces(tmp_path / "faces.npz", PEOPLE)


@pytest.fixture
def few_faces(tmp_path: Path) -> Path:
    """A smaller one, with faces that are hard to tell apart."""
    return write_faces(tmp_path / "few.npz", 10, spread=1.5)


def read(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return found


def test_an_evaluation_needs_neither_key_nor_gallery_and_leaves_a_report(
    command: Command, faces: Path, tmp_path: Path
) -> None:
    done = command("evaluate", faces, "--output", "report", "--folds", 2)

    assert done.code == 0, done.err
    found = read(tmp_path / "report")
    assert found["searches_mated"] == 2 * PEOPLE
    assert found["searches_non_mated"] == 3 * PEOPLE
    assert found["gallery_size"] == PEOPLE // 2
    assert found["rank_1"]["low"] <= found["rank_1"]["value"] <= found["rank_1"]["high"]
    assert found["fnir"]["0.01"]["low"] <= found["fnir"]["0.01"]["value"]
    assert found["fnir"]["0.001"]["value"] is None
    assert found["parity"]["comparisons"] == 5 * PEOPLE * PEOPLE // 2
    assert found["parity"]["decisions_changed"] == found["parity"]["rank_1_changed"] == 0
    assert 0.0 < found["parity"]["max_error"] <= found["parity"]["error_bound"] < 4e-6
    assert "<svg" in (tmp_path / "report" / "report.html").read_text()
    assert f"{found['fnir']['0.01']['value']:.4f}" in done.out
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"faces.npz", "report", "temporary"}
    assert list((tmp_path / "temporary").iterdir()) == []


def test_the_same_seed_gives_the_same_numbers(
    command: Command, few_faces: Path, tmp_path: Path
) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert (
            command("evaluate", few_faces, "--seed", seed, "--folds", 2, "--output", name).code == 0
        )

    first, again, other = (read(tmp_path / name) for name in "abc")
    for name in ("cmc", "fnir"):
        assert first[name] == again[name]
        assert first[name] != other[name]


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        (["--metric", "euclidean"], "metric", "euclidean"),
        (["--metric", "euclidean_l2"], "metric", "euclidean_l2"),
        (["--parameters", "compact"], "parameters", "compact"),
        (["--parameters", "standard"], "parameters", "standard"),
        (["--parameters", "light", "--metric", "euclidean"], "parameters", "light"),
        (["--backend", "seal", "--parameters", "standard"], "backend", "seal"),
        (["--rank", 5], "rank", 5),
        (["--folds", 3], "folds", 3),
    ],
)
def test_options_are_used_and_stated(
    command: Command,
    few_faces: Path,
    tmp_path: Path,
    options: list[object],
    name: str,
    value: object,
) -> None:
    folds = [] if "--folds" in options else ["--folds", 2]
    assert command("evaluate", few_faces, *options, *folds, "--fpir", 0.05).code == 0

    found = read(tmp_path)
    assert found[name] == value
    assert set(found["fnir"]) == {"0.05"}
    assert found["parity"]["beyond_bound"] == 0
    assert found["parity"]["decisions_unexplained"] == 0


def test_a_report_is_overwritten_only_on_request(command: Command, few_faces: Path) -> None:
    assert command("evaluate", few_faces, "--folds", 2).code == 0

    refused = command("evaluate", few_faces)

    assert refused.code == 2
    assert "--force" in refused.err
    assert command("evaluate", few_faces, "--folds", 2, "--force", "--quiet").err == ""


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--fpir", 0], "above 0 and below 1"),
        (["--model", "Dlib"], "are for photos"),
        (["--models", "Dlib"], "are for photos"),
        (["--folds", 1], "not in the range"),
    ],
)
def test_what_makes_no_sense_is_refused(
    command: Command, faces: Path, options: list[object], reason: str
) -> None:
    done = command("evaluate", faces, *options)

    assert done.code == 2
    assert reason in done.err


# --- calibration ----------------------------------------------------------------------------------


@pytest.fixture
def made(command: Command, faces: Path) -> Command:
    """The same, with a key and a gallery in which everybody's first embedding is enrolled."""
    with np.load(faces) as arrays:
        first = {name: arrays[name][::3] for name in ("embeddings", "labels")}
    np.savez("first.npz", **first)
    assert command("key", "new").code == 0
    assert command("init", "--dimension", 32).code == 0
    assert command("enroll", "first.npz").code == 0
    return command


def test_a_calibrated_threshold_is_what_identify_uses(made: Command, faces: Path) -> None:
    assert made("identify", faces).code == 27

    done = made("calibrate", faces, "--fpir", 0.05, "--folds", 2, "--json")
    identified = made("identify", faces)

    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["fpir"] <= 0.05
    assert (found["non_mated"], found["gallery_size"]) == (3 * PEOPLE, PEOPLE // 2)
    assert found["actual_size"] == PEOPLE
    expected = 1 - (1 - found["false_match_rate"]) ** PEOPLE
    assert found["expected"] == pytest.approx(expected)
    assert f"threshold {found['threshold']:g} (calibrated for FPIR 0.05 on " in identified.err
    assert f"{3 * PEOPLE} non-mated searches" in identified.err


def test_a_dry_run_stores_nothing(made: Command, faces: Path) -> None:
    done = made("calibrate", faces, "--dry-run")

    assert done.code == 0
    assert done.out.startswith("threshold 0.")
    assert "nothing was stored" in done.err
    assert made("identify", faces).code == 27


def test_a_larger_gallery_than_the_data_comes_with_a_warning(
    made: Command, faces: Path, tmp_path: Path
) -> None:
    others = np.random.default_rng(9).normal(size=(2000, 32))
    np.savez("others.npz", embeddings=others, labels=[f"other {i}" for i in range(2000)])
    assert "warning" not in made("calibrate", faces, "--fpir", 0.1).err
    made("enroll", "others.npz")

    done = made("calibrate", faces, "--fpir", 0.1)

    assert f"in this gallery of {2000 + PEOPLE:,} references" in done.err
    assert "warning: the gallery is larger" in done.err


def test_data_that_cannot_show_the_rate_stores_nothing(made: Command, faces: Path) -> None:
    done = made("calibrate", faces, "--fpir", 0.0001)

    assert done.code == 50
    assert "needs at least 10,000 non-mated searches" in done.err
    assert made("identify", faces).code == 27


# --- photos ---------------------------------------------------------------------------------------


@pytest.fixture
def few(london: list[LondonPerson], tmp_path: Path) -> Path:
    """A folder with the two photos of some people, one sub-folder each."""
    for person in london[:6]:
        folder = tmp_path / "people" / person.number
        folder.mkdir(parents=True)
        for photo in (person.neutral, person.smiling):
            shutil.copy(photo, folder)
    return tmp_path / "people"


@pytest.mark.photos
def test_models_are_compared_on_photos(
    command: Command, few: Path, samples: Samples, tmp_path: Path
) -> None:
    shutil.copy(samples.no_face, few / "001" / "no-face.jpg")
    command("key", "new")

    done = command("evaluate", few, "--models", "Dlib,Facenet:opencv", "--folds", 2)

    # Facenet's weights may be on this machine or not; both are stated.
    found = read(tmp_path)
    assert done.code == 1, done.err
    assert "not embedded" in done.err
    assert (found["model"], found["detector"]) == ("Dlib", "dlib")
    assert found["rank_1"]["value"] == 1.0
    failures = found["failure_to_enroll"]
    assert (failures["failed"], failures["photos"]) == (1, 13)
    assert failures["value"] == pytest.approx(1 / 13)
    dlib, facenet = found["models"]
    assert (dlib["model"], dlib["rank_1"]["value"]) == ("Dlib", 1.0)
    assert dlib["photo_ms"] > 0.0
    assert facenet["unavailable"] == "its weights are missing" or facenet["photo_ms"] > 0.0


@pytest.mark.photos
def test_a_list_of_pairs_names_the_photos(
    command: Command, london: list[LondonPerson], tmp_path: Path
) -> None:
    lines = ["2"]
    for first, second in zip(london[:4:2], london[1:4:2], strict=True):
        for person in (first, second):
            folder = tmp_path / "lfw" / person.number
            folder.mkdir(parents=True)
            for index, photo in enumerate((person.neutral, person.smiling), start=1):
                shutil.copy(photo, folder / f"{person.number}_{index:04d}.jpg")
            lines.append(f"{person.number}\t1\t2")
        lines.append(f"{first.number}\t1\t{second.number}\t2")
    (tmp_path / "lfw" / "pairs.txt").write_text("\n".join(lines) + "\n")

    done = command("evaluate", "lfw/pairs.txt", "--model", "Dlib", "--folds", 2, "--fpir", 0.2)

    assert done.code == 0, done.err
    found = read(tmp_path)
    assert found["dataset"] == {
        "name": "pairs.txt",
        "kind": "list of pairs",
        "subjects": 4,
        "samples": 8,
        "duplicates_left_out": 0,
    }
    assert found["rank_1"]["value"] == 1.0

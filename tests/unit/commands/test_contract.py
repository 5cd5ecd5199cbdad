"""The contract of the command line: options, output, exit codes."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from gallery.client import SourceKind
from gallery.parameters import PARAMETER_SETS
from tests.unit.commands.conftest import Command

CHECKOUT = Path(__file__).resolve().parents[3]


def test_a_key_file_is_made_once_and_for_its_owner_alone(command: Command) -> None:
    assert command("key", "new").code == 0
    before = Path("owner.key").read_bytes()

    again = command("key", "new")

    assert stat.S_IMODE(os.stat("owner.key").st_mode) == 0o600
    assert again.code == 12
    assert "not overwritten" in again.err
    assert Path("owner.key").read_bytes() == before


def test_success_is_quiet_on_standard_output(made: Command, people: np.ndarray) -> None:
    done = made("enroll", "people.npz")

    assert (done.code, done.out) == (0, "")
    assert "5 enrolled" in done.err
    assert made("enroll", "people.npz", "--quiet").err == ""


def test_identify_prints_one_json_object_a_probe(made: Command, people: np.ndarray) -> None:
    made("enroll", "people.npz")
    np.savez("probes.npz", embeddings=np.vstack([people[3] + 0.01, -people.sum(axis=0)]))

    done = made("identify", "probes.npz", "--threshold", 0.1, "--top", 2, "--json")

    match, other = done.records
    assert done.code == 0
    assert list(match) == [
        "probe",
        "decision",
        "label",
        "reference_id",
        "distance",
        "threshold",
        "metric",
        "searched",
        "signed",
        "age_seconds",
        "candidates",
        "warnings",
        "failure",
        "ambiguous",
        "second_label",
        "second_distance",
        "threshold_origin",
        "expected_fpir",
        "face",
        "faces",
        "box",
        "confidence",
        "attributes",
        "expired",
    ]
    assert (match["probe"], match["decision"], match["label"]) == (0, "match", "person 3")
    assert match["reference_id"] == match["candidates"][0]["reference_id"]
    assert match["distance"] == match["candidates"][0]["distance"]
    assert (match["threshold"], match["metric"], match["searched"]) == (0.1, "cosine", 5)
    assert [list(item) for item in match["candidates"]] == [
        ["label", "reference_id", "distance", "attributes", "expires", "expired"]
    ] * 2
    assert match["candidates"][0]["distance"] <= match["candidates"][1]["distance"]
    assert (other["probe"], other["decision"]) == (1, "non-match")
    assert (other["label"], other["reference_id"]) == (None, None)
    assert other["distance"] > 0.1
    assert len(other["candidates"]) == 2


def test_distances_are_rounded_unless_asked_otherwise(made: Command, people: np.ndarray) -> None:
    made("enroll", "people.npz")
    np.savez("probes.npz", embeddings=people[:1] + 0.3)

    (rounded,) = made("identify", "probes.npz", "--threshold", 1, "--json").records
    (full,) = made("identify", "probes.npz", "--threshold", 1, "--json", "--full-precision").records

    assert rounded["distance"] == round(full["distance"], 4)
    assert rounded["distance"] != full["distance"]


def test_identify_prints_a_table_for_people(made: Command, people: np.ndarray) -> None:
    made("enroll", "people.npz")
    np.savez("probes.npz", embeddings=people[:1])

    done = made("identify", "probes.npz", "--threshold", 0.1)

    header, row = (line.split() for line in done.out.splitlines())
    assert header == ["probe", "decision", "label", "distance", "candidate"]
    assert row[:2] == ["0", "match"]
    assert "threshold 0.1 (given)" in done.err


def test_the_threshold_of_a_gallery_without_a_model_must_be_given(
    command: Command, people: np.ndarray
) -> None:
    command("key", "new")
    command("init", "--dimension", 16)
    command("init", "--dimension", 16, "--gallery", "own", "--threshold", 0.2)
    for name in ("default", "own"):
        command("enroll", "people.npz", "--gallery", name)

    refused = command("identify", "people.npz")
    (first, *_) = command("identify", "people.npz", "--gallery", "own", "--json").records

    assert refused.code == 27
    assert "--threshold" in refused.err
    assert first["threshold"] == 0.2


def test_enrolling_again_skips_and_says_so(made: Command, people: np.ndarray) -> None:
    made("enroll", "people.npz")

    (counts,) = made("enroll", "people.npz", "--json").records

    assert counts == {
        "enrolled": 0,
        "skipped": 5,
        "failed": 0,
        "failures": [],
        "duplicates": [],
        "photos": [],
        "passed_over": [],
        "outliers": [],
        "erased": [],
    }


def test_info_list_and_verify_tell_about_the_gallery(made: Command, people: np.ndarray) -> None:
    made("enroll", "people.npz")

    (info,) = made("info", "--json").records
    listed = made("list", "--json", "--label", "person [12]").records
    verified = made("verify", "--deep", "--json")

    assert (info["references"], info["blocks"], info["dimension"]) == (5, 1, 16)
    assert (info["parameters"], info["security_bits"]) == ("swift", 256)
    assert [item["label"] for item in listed] == ["person 1", "person 2"]
    assert verified.code == 0
    assert verified.records[0]["findings"] == []
    assert "person 4" in made("list").out
    assert "16" in made("info").out


def test_verify_fails_where_something_is_damaged(made: Command, people: np.ndarray) -> None:
    made("enroll", "people.npz")
    with closing(sqlite3.connect("gallery.db")) as connection, connection:
        connection.execute("UPDATE reference SET pseudonym = zeroblob(16) WHERE position = 2")
    connection.close()

    done = made("verify")

    assert done.code == 41
    assert "block 0: the references or the hint of block 0" in done.out


@pytest.mark.parametrize("parameters", PARAMETER_SETS)
@pytest.mark.parametrize("metric", ["cosine", "euclidean", "euclidean_l2"])
def test_every_metric_and_parameter_set_can_be_chosen(
    command: Command, people: np.ndarray, metric: str, parameters: str
) -> None:
    command("key", "new")
    command("init", "--dimension", 16, "--metric", metric, "--parameters", parameters)
    command("enroll", "people.npz")

    # Raw embeddings are as long as 4 here; errors of light grow with the square of that.
    threshold = 3.0 if metric == "euclidean" else 0.5
    records = command("identify", "people.npz", "--threshold", threshold, "--json").records

    assert [record["label"] for record in records] == [f"person {i}" for i in range(5)]
    assert {record["metric"] for record in records} == {metric}


def test_seals_own_evaluator_gives_the_same_answers(command: Command, people: np.ndarray) -> None:
    command("key", "new")
    command("init", "--dimension", 16, "--parameters", "standard")
    command("enroll", "people.npz")

    fast = command("identify", "people.npz", "--threshold", 0.1, "--json")
    slow = command("identify", "people.npz", "--threshold", 0.1, "--json", "--backend", "seal")

    assert [record["label"] for record in fast.records] == [f"person {i}" for i in range(5)]
    assert fast.records == slow.records


def test_seals_own_evaluator_is_refused_where_it_cannot_be_used(made: Command) -> None:
    done = made("init", "--dimension", 16, "--gallery", "other", "--backend", "seal")

    assert done.code == 26
    assert "'swift'" in done.err
    assert "standard" in done.err


def test_migrate_brings_a_database_up_to_date_or_says_that_it_is(made: Command) -> None:
    done = made("migrate")

    assert done.code == 0
    assert "already" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nonsense"], 2, "No such command"),
        (["init"], 53, "weights"),
        (["init", "--dimension", "16", "--model", "Dlib"], 2, "not both"),
        (["init", "--dimension", "0"], 23, "dimension"),
        (["init", "--dimension", "16"], 21, "already"),
        (["init", "--model", "Facenett", "--gallery", "f"], 54, "Facenet"),
        (["init", "--dimension", "8", "--detector", "dlib"], 2, "--detector"),
        (["init", "--dimension", "8", "--norm-bound", "4"], 2, "--norm-bound"),
        (["enroll", "missing.npz"], 2, "does not exist"),
        (["enroll", "owner.key"], 2, "--label"),
        (["enroll", "people.npz", "--label", "x"], 2, "--label is for photos"),
        (["identify", "people.npz", "--top", "0"], 2, "--top"),
        (["identify", "people.npz", "--threshold", "nan"], 2, "--threshold"),
        (["identify", "people.npz", "people.npz"], 2, "one .npz"),
        (["identify", "people.npz", "--threshold", "1", "--gallery", "x"], 20, "no gallery"),
        (["info", "--database", "sqlite:///missing.db"], 30, "gallery init"),
        (["info", "--key", "missing.key"], 11, "gallery key new"),
        (["info", "--gallery", "x"], 20, "another with --gallery"),
        (["init", "--dimension", "8"], 21, "another name with --gallery"),
        (["key", "new"], 12, "another with --key"),
        (["remove", "nobody", "--yes"], 28, "gallery list"),
        (["identify", "one.jpg", "--threshold", "1"], 22, "gallery init --model"),
        (["import", "owner.key", "--gallery", "x"], 56, "gallery export"),
        (["identify", "people.npz", "--threshold", "1", "--output", "old.npz"], 3, "--force"),
        (["rekey", "--new-key", "new.key", "--discard"], 11, "gallery key new"),
        (["info", "--state-file", "owner.key"], 19, "another file with --state-file"),
        (["token", "revoke", "nobody"], 65, "gallery token list"),
        (["info", "--server", "http://faces.example.org"], 61, "--token-file"),
    ],
)
def test_mistakes_have_words_and_exit_codes(
    made: Command,
    people: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[str],
    code: int,
    words: str,
) -> None:
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path / "deepface"))

    for name in ("old.npz", "one.jpg"):
        Path(name).touch()

    done = made(*arguments)

    assert done.code == code
    assert words in done.err
    assert done.out == ""
    assert "Traceback" not in done.err


def test_key_file_errors_are_told_apart(
    made: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    good = Path("owner.key").read_bytes()
    made("key", "new", "--key", "other.key")

    assert made("info", "--key", "other.key").code == 17
    Path("owner.key").chmod(0o644)
    assert made("info").code == 13
    Path("owner.key").chmod(0o600)
    Path("owner.key").write_bytes(good[:-100])
    assert made("info").code == 14
    Path("owner.key").write_bytes(good)
    monkeypatch.setenv("GALLERY_PASSPHRASE", "wrong")
    assert made("info").code == 16
    monkeypatch.delenv("GALLERY_PASSPHRASE")
    assert made("info").code == 15
    Path("phrase.txt").write_text("correct horse\n")
    assert made("info", "--passphrase-file", "phrase.txt").code == 0


def test_a_key_without_a_passphrase_is_made_on_request_alone(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GALLERY_PASSPHRASE")

    assert command("key", "new").code == 15
    assert not Path("owner.key").exists()
    assert command("key", "new", "--no-passphrase").code == 0
    assert command("init", "--dimension", 8).code == 0


def test_files_of_embeddings_are_refused_with_a_reason(made: Command, people: np.ndarray) -> None:
    np.savez("nan.npz", embeddings=np.full((1, 16), np.nan), labels=np.array(["x"]))
    np.savez("short.npz", embeddings=people[:, :8], labels=np.array(["x"] * 5))
    np.savez("bare.npz", embeddings=people)
    np.savez("other.npz", left=people, right=people)
    Path("broken.npz").write_bytes(b"PK\x03\x04 nothing")

    for name, code, words in [
        ("nan.npz", 24, "embedding 0"),
        ("short.npz", 23, "16"),
        ("bare.npz", 50, "labels"),
        ("other.npz", 50, "embeddings"),
        ("broken.npz", 50, "damaged"),
    ]:
        done = made("enroll", name)
        assert done.code == code
        assert words in done.err
    assert made("info", "--json").records[0]["references"] == 0


@pytest.mark.parametrize(
    "name", ["key new", "init", "enroll", "identify", "info", "list", "verify"]
)
def test_help_of_every_command_has_examples(command: Command, name: str) -> None:
    done = command(*name.split(), "--help")

    assert done.code == 0
    assert "Example" in done.out
    assert "--passphrase-file" in done.out


@pytest.mark.parametrize("program", [["cli.py"], ["-m", "gallery"]], ids=" ".join)
def test_the_script_at_the_top_and_the_package_are_the_same_command(program: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, *program, "--help"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.startswith("Usage: gallery")
    assert done.stderr == ""


def test_an_unexpected_error_is_reported_without_its_content(
    made: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path) -> SourceKind:
        raise RuntimeError("the label is Ada Lovelace")

    monkeypatch.setattr("gallery.client.kind_of", broken)
    Path("a.npz").touch()

    done = made("enroll", "a.npz")

    assert done.code == 70
    assert "RuntimeError" in done.err
    assert "Ada" not in done.err
    assert "Traceback" not in done.err

"""`gallery samples`: material for the other commands, and no harm to what is there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gallery.demo.sample_files import SAMPLE_FILES
from gallery.demo.samples import Samples
from tests.support.photos import samples
from tests.unit.commands.conftest import Command

__all__ = ["samples"]


def test_sample_embeddings_are_enrolled_and_found(command: Command) -> None:
    (written,) = command("samples", "embeddings", "samples", "--json").records
    command("key", "new")
    command("init", "--dimension", written["dimension"], "--threshold", 0.4)
    (enrolled,) = command("enroll", written["people"], "--json").records

    found = command("identify", written["probes"], "--json").records

    assert enrolled["enrolled"] == written["references"] == 36
    assert [record["label"] for record in found] == written["expected"]
    assert written["expected"].count(None) == 3
    for record, label in zip(found, written["expected"], strict=True):
        assert (record["decision"] == "match") == (label is not None)


@pytest.mark.parametrize("arguments", [["samples", "embeddings", "there"]])
def test_it_is_said_that_the_vectors_are_no_faces(command: Command, arguments: list[str]) -> None:
    done = command(*arguments)

    assert (done.code, done.out) == (0, "")
    assert "not faces" in done.err
    assert "no face" in " ".join(command("samples", "embeddings", "--help").out.split())


def test_quiet_is_quiet(command: Command) -> None:
    done = command("samples", "embeddings", "there", "--quiet")

    assert (done.code, done.out, done.err) == (0, "", "")
    assert Path("there/people.npz").is_file()


def test_a_file_of_somebody_elses_is_refused_and_kept(command: Command) -> None:
    Path("people.npz").write_bytes(b"mine")

    done = command("samples", "embeddings", ".")

    assert done.code == 50
    assert "people.npz already" in done.err
    assert Path("people.npz").read_bytes() == b"mine"
    assert not Path("probes.npz").exists()


@pytest.mark.photos
def test_photos_that_are_there_are_not_fetched_again(
    command: Command, samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(samples.root, "photos")
    monkeypatch.setattr("sys.executable", "/nonexistent/python")

    (written,) = command("samples", "photos", "photos", "--json").records

    assert written["photos"] == [str(Path("photos", file.target)) for file in SAMPLE_FILES]
    assert all(Path(path).is_file() for path in written["photos"])


def test_photos_without_a_registry_are_an_error_with_a_reason(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)

    done = command("samples", "photos", "photos")

    assert done.code == 50
    assert "could not download" in done.err
    assert "Traceback" not in done.err


def test_a_photo_of_somebody_elses_is_refused_before_anything_is_fetched(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    own = Path(SAMPLE_FILES[0].target)
    own.parent.mkdir(parents=True)
    own.write_bytes(b"mine")

    done = command("samples", "photos", ".")

    assert done.code == 50
    assert f"{own} already" in done.err
    assert own.read_bytes() == b"mine"


@pytest.mark.parametrize("words", [[], ["embeddings"], ["photos"]])
def test_help_has_examples(command: Command, words: list[str]) -> None:
    done = command("samples", *words, "--help")

    assert done.code == 0
    assert "Example" in done.out
    assert "gallery samples" in done.out

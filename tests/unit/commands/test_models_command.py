"""`gallery models`: what works here, and weights fetched beforehand."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from gallery.client.photos import weights, weights_transfer
from gallery.client.photos.download import DownloadError
from gallery.errors import UnknownModelError, WeightsError
from tests.support.photos import deepface_home
from tests.unit.commands.conftest import Command

__all__ = ["deepface_home"]

FACENET = "facenet_weights.onnx"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deepface_home: Path) -> Path:
    """An empty folder of weights, on a machine that no address answers."""

    def unreachable(urls: object, target: Path, progress: object = None) -> None:
        raise DownloadError("https://example.org/: Network is unreachable")

    monkeypatch.setattr(weights, "fetch", unreachable)
    monkeypatch.setattr(weights_transfer, "fetch", unreachable)
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / ".deepface" / "weights"
    folder.mkdir(parents=True)
    return folder


def test_the_list_says_what_works_and_what_is_missing(command: Command, home: Path) -> None:
    table = command("models", "list")
    sheet = command("models", "list", "--csv")
    records = {item["name"]: item for item in command("models", "list", "--json").records}

    rows = {line.split()[1]: line for line in table.out.splitlines()[1:]}
    assert "CC0-1.0" in rows["Dlib"] and rows["Dlib"].endswith("works")
    assert rows["Facenet"].endswith(f"weights missing: {FACENET}")
    assert "4 of 18 work here" in table.err
    assert len(sheet.out.splitlines()) == 19
    assert sheet.out.splitlines()[3].startswith("model,Dlib,true,,128,22.5,dlib,")
    assert next(iter(csv.reader(sheet.out.splitlines()))) == [*records["Dlib"]]
    assert f",{FACENET}=missing" in sheet.out
    assert records["Dlib"]["works"] and records["Dlib"]["dimension"] == 128
    assert records["Dlib"]["thresholds"] == {"cosine": 0.07, "euclidean": 0.6, "euclidean_l2": 0.4}
    assert records["Facenet"]["weights"][0]["state"] == "missing"


def test_a_check_loads_what_is_here(command: Command, home: Path) -> None:
    (home / "face_detection_yunet_2023mar.onnx").write_bytes(b"damaged")

    everything = command("models", "check")
    named = command("models", "check", "Dlib", "yunet", "--json")

    assert everything.code == 0
    assert [line.split()[1:] for line in everything.out.splitlines()[1:]] == [
        ["Dlib", "works"],
        ["opencv", "works"],
        ["dlib", "works"],
        ["skip", "works"],
    ]
    assert named.code == 1
    assert [item["works"] for item in named.records] == [True, False]
    assert "damaged" in named.records[1]["obstacles"][0]


def test_a_check_says_how_missing_weights_are_fetched(command: Command, home: Path) -> None:
    done = command("models", "check", "Facenet")

    assert done.code == 1
    assert done.out.splitlines()[1].endswith(
        f"weights missing: {FACENET}: gallery models fetch Facenet brings missing weights"
    )


def test_weights_come_by_a_folder_to_a_machine_without_internet(
    command: Command, home: Path, tmp_path: Path
) -> None:
    (home / FACENET).write_bytes(b"weights")
    exported = command("models", "fetch", "Facenet", "Dlib", "--to", "stick")
    (home / FACENET).unlink()
    refused = command("models", "fetch", "--from", "stick")
    brought = command("models", "fetch", "--from", "stick", "--trust-weights")
    again = command("models", "fetch", "--from", "stick")

    assert (exported.code, refused.code, brought.code, again.code) == (0, 53, 0, 0)
    assert exported.err.count("copied: ") == brought.err.count("copied: ") == 2
    assert "--trust-weights" in refused.err
    assert again.err.count("kept: ") == 2
    assert (home / FACENET).read_bytes() == b"weights"


def test_offline_a_fetch_says_how_to_get_them(command: Command, home: Path) -> None:
    here = command("models", "fetch", "Dlib", "Facenet")
    to = command("models", "fetch", "Facenet", "--to", "stick")

    assert (here.code, to.code) == (WeightsError.exit_code, WeightsError.exit_code)
    assert "Dlib: " in here.err and "Network is unreachable" in here.err
    assert "gallery models fetch --to" in here.err
    assert "try again where the internet can be reached" in to.err


def test_what_cannot_be_meant_is_refused(command: Command, home: Path) -> None:
    assert command("models", "fetch").code == 2
    assert command("models", "fetch", "Dlib", "--to", "a", "--from", "b").code == 2
    unknown = command("models", "fetch", "Facnet")
    assert unknown.code == UnknownModelError.exit_code
    assert "Did you mean Facenet" in unknown.err

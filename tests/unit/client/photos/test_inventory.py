"""The inventory: what a model or detector needs, and what of it is on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from gallery.client import (
    TrustedWeights,
    WeightsSource,
    WeightsState,
    fetch_weights,
    find_part,
    take_inventory,
)
from gallery.client.photos.detectors import DETECTORS
from gallery.client.photos.model_table import MODELS
from gallery.client.photos.weights import ensure_weights
from gallery.errors import UnknownModelError

FACENET = "facenet_weights.onnx"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / ".deepface" / "weights"
    folder.mkdir(parents=True)
    return folder


def state(name: str) -> WeightsState:
    ((file,),) = (report.weights for report in take_inventory([name]))
    return file.state


def test_it_has_every_model_and_detector_and_loads_nothing(home: Path) -> None:
    found = take_inventory()

    assert [item.name for item in found if item.kind == "model"] == list(MODELS)
    assert [item.name for item in found if item.kind == "detector"] == list(DETECTORS)
    assert {item.name for item in found if item.works} == {"Dlib", "opencv", "dlib", "skip"}
    assert list(home.iterdir()) == []


def test_weights_that_are_missing_or_packaged_are_told_apart(home: Path) -> None:
    assert state("Facenet") is WeightsState.MISSING
    assert state("Dlib") is WeightsState.PACKAGED
    ensure_weights(MODELS["Dlib"], WeightsSource(download=False))
    assert state("Dlib") is WeightsState.READY


def test_weights_of_no_known_hash_are_ready_once_they_are_trusted(home: Path) -> None:
    (home / FACENET).write_bytes(b"weights")
    assert state("Facenet") is WeightsState.UNTRUSTED
    ensure_weights(MODELS["Facenet"], WeightsSource(TrustedWeights(accept=True)))
    assert state("Facenet") is WeightsState.READY
    (home / FACENET).write_bytes(b"others")
    assert state("Facenet") is WeightsState.WRONG


def test_weights_of_another_hash_are_wrong(home: Path) -> None:
    (home / "face_detection_yunet_2023mar.onnx").write_bytes(b"damaged")
    (report,) = take_inventory(["yunet"])

    assert not report.works
    assert report.obstacles == ("weights wrong: face_detection_yunet_2023mar.onnx",)


def test_what_is_not_installed_is_named(home: Path) -> None:
    (report,) = take_inventory(["Buffalo_L"])
    assert report.obstacles[0] == "insightface is not installed"


def test_each_file_and_part_says_its_size_and_licence() -> None:
    found = take_inventory()
    for item in found:
        assert item.name == "skip" or (item.licence and item.licence.url.startswith("https://"))
    sizes = {file.name: file.megabytes for item in found for file in item.weights}
    assert all(size > 0 for name, size in sizes.items() if name != "deploy.prototxt")


def test_dlibs_sizes_are_those_of_its_files(home: Path) -> None:
    offline = WeightsSource(download=False)
    fetch_weights(find_part("Dlib"), offline)
    fetch_weights(find_part("dlib"), offline)
    for report in take_inventory(["Dlib", "dlib"]):
        (file,) = report.weights
        assert file.bytes is not None
        assert file.bytes / 1e6 == pytest.approx(file.megabytes, abs=0.1)


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownModelError, match="Did you mean yunet"):
        find_part("yunit")

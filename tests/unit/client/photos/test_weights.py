"""Weights: found where DeepFace looks, linked, verified, or one clear error."""

from __future__ import annotations

import dataclasses
import importlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gallery.client.photos import weights
from gallery.client.photos.detectors import HAAR_FILES, find_detector
from gallery.client.photos.face_model import FaceModel, WeightsFile
from gallery.client.photos.model_table import find_model
from gallery.client.photos.weights import (
    WeightsSource,
    ensure_detector_weights,
    ensure_weights,
    haar_weights,
    weights_folder,
)
from gallery.errors import MissingDependencyError, WeightsError

DLIB = find_model("Dlib")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    yield tmp_path / ".deepface" / "weights"


def link(model: FaceModel, **choices: Any) -> Path:
    """Have the one file of a model, and return where it is."""
    (path,) = ensure_weights(model, WeightsSource(download=False), **choices)
    return path


OFFLINE = WeightsSource(download=False)


def unreachable(model: FaceModel) -> FaceModel:
    file = WeightsFile(model.onnx.name, ("http://127.0.0.1:1/a", "http://127.0.0.1:1/b"))
    return dataclasses.replace(model, onnx=file)


def test_folder_is_deepfaces(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_utils = importlib.import_module("deepface.commons.folder_utils")
    assert weights_folder() == home
    assert weights_folder().parents[1] == Path(folder_utils.get_deepface_home())
    monkeypatch.delenv("DEEPFACE_HOME")
    assert weights_folder().parents[1] == Path(folder_utils.get_deepface_home())


def test_dlibs_files_are_linked_and_found_again(home: Path) -> None:
    path = link(DLIB)
    assert path == home / "dlib_face_recognition_resnet_model_v1.dat"
    assert path.is_symlink()
    assert link(DLIB) == path
    (landmarks,) = ensure_detector_weights(find_detector("dlib"), OFFLINE)
    assert sorted(home.iterdir()) == [path, landmarks]


def test_a_link_into_a_deleted_environment_is_replaced(home: Path, tmp_path: Path) -> None:
    home.mkdir(parents=True)
    (home / DLIB.weights_file).symlink_to(tmp_path / "gone" / DLIB.weights_file)
    assert link(DLIB).is_file()


def test_copies_where_links_cannot_be_made(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError("links need a privilege")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    path = link(DLIB)
    assert path.is_file()
    assert not path.is_symlink()
    assert list(home.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>"])
def test_damaged_dlib_file_is_refused(home: Path, content: bytes) -> None:
    home.mkdir(parents=True)
    (home / DLIB.weights_file).write_bytes(content)
    with pytest.raises(WeightsError, match=r"damaged.*Delete it"):
        ensure_weights(DLIB)


def test_dlib_without_its_package(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_PACKAGE", "no_such_package")
    with pytest.raises(MissingDependencyError, match=r"encrypted-face-gallery\[photos\]"):
        ensure_weights(DLIB)


def test_unreachable_weights_say_all_that_helps(home: Path) -> None:
    model = unreachable(find_model("Facenet"))
    with pytest.raises(WeightsError) as caught:
        ensure_weights(model)
    message = str(caught.value)
    for helpful in ("facenet_weights.onnx", str(home), model.weights_url, "model Dlib"):
        assert helpful in message
    assert list(home.iterdir()) == []


def test_missing_detector_file_is_treated_alike(home: Path) -> None:
    with pytest.raises(WeightsError, match="detector yunet needs the file face_detection_yunet"):
        ensure_detector_weights(find_detector("yunet"), OFFLINE)


def test_no_download_where_not_allowed(home: Path) -> None:
    with pytest.raises(WeightsError, match="not allowed"):
        ensure_weights(find_model("Facenet"), OFFLINE)


def test_opencvs_files_are_found_and_those_beside_the_weights_are_checked(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import cv2

    package = Path(cv2.__file__).parent / "data"
    assert [path.parent for path in haar_weights()] == [package] * 2

    monkeypatch.setattr(cv2, "__file__", str(tmp_path / "cv2" / "__init__.py"))
    with pytest.raises(MissingDependencyError, match="headless<5"):
        haar_weights()
    home.mkdir(parents=True)
    for file in HAAR_FILES:
        shutil.copy(package / file.name, home)
    assert [path.parent for path in haar_weights()] == [home] * 2
    (home / HAAR_FILES[1].name).write_bytes(b"another")
    with pytest.raises(WeightsError, match="haarcascade_eye"):
        haar_weights()


def test_unwritable_home_is_a_weights_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match=r"cannot be made .*set DEEPFACE_HOME"):
        ensure_weights(find_model("Facenet"))

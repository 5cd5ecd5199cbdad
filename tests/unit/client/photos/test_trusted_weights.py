"""The trust in weights files: known by their hash, trusted on first use, or refused."""

from __future__ import annotations

import json
import stat
from dataclasses import dataclass
from pathlib import Path

import pytest

from gallery.client.photos.detectors import DETECTORS, HAAR_FILES, FaceDetector
from gallery.client.photos.face_model import RUNTIMES, FaceModel, Runtime, WeightsFile
from gallery.client.photos.model_table import MODELS
from gallery.client.photos.trusted_weights import TrustedWeights, UnknownWeights
from gallery.client.photos.weights import WeightsSource, ensure_detector_weights, ensure_weights
from gallery.errors import WeightsError


@dataclass(frozen=True)
class Wanted:
    """A file that a model or a detector wants under a runtime."""

    part: FaceModel | FaceDetector
    file: WeightsFile
    runtime: Runtime

    def use(self, trusted: TrustedWeights) -> None:
        source = WeightsSource(trusted, download=False)
        if isinstance(self.part, FaceModel):
            ensure_weights(self.part, source, runtime=self.runtime)
        else:
            ensure_detector_weights(self.part, source, runtime=self.runtime)


WANTED = [
    *(
        Wanted(part, part.weights(runtime), runtime)
        for part in MODELS.values()
        for runtime in RUNTIMES
    ),
    *(
        Wanted(part, file, runtime)
        for part in DETECTORS.values()
        for runtime in RUNTIMES
        for file in part.weights(runtime)
    ),
]
FILES = {item.file.name: item.file for item in WANTED}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    return tmp_path / ".deepface" / "weights"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "data" / "trusted-weights.json"


def put(home: Path, file: WeightsFile, content: bytes) -> Path:
    path = home / file.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "wanted", WANTED, ids=lambda item: f"{item.part.name}-{item.file.name}-{item.runtime}"
)
def test_no_file_is_loaded_that_is_neither_known_nor_trusted(
    wanted: Wanted, home: Path, store: Path
) -> None:
    for file in FILES.values():
        put(home, file, b"whatever was downloaded")

    with pytest.raises(WeightsError, match=r"damaged or another version|No hash is known"):
        wanted.use(TrustedWeights(store))

    assert not store.exists()


@pytest.mark.parametrize("name", [file.name for file in FILES.values() if file.sha256])
def test_what_is_known_is_not_overruled(name: str, home: Path, store: Path) -> None:
    path = put(home, FILES[name], b"another")

    with pytest.raises(WeightsError, match="damaged or another version"):
        TrustedWeights(store, accept=True).check(FILES[name], path)


def test_the_table_says_of_which_files_no_hash_is_known() -> None:
    unknown = {file.name for file in FILES.values() if file.sha256 is None}

    stems = ("facenet", "facenet512", "vgg_face", "arcface", "openface")
    assert unknown == {
        *(f"{stem}_weights.{end}" for stem in stems for end in ("onnx", "h5")),
        *("ghostfacenet_v1.onnx", "ghostfacenet_v1.h5", "buffalo_l/webface_r50.onnx"),
        *("deepid_weights.onnx", "deepid_keras_weights.h5"),
        *("retinaface.onnx", "retinaface.h5", "centerface.onnx", "deploy.prototxt"),
    }
    assert all(file.sha256 for file in HAAR_FILES)


FACENET = MODELS["Facenet"].onnx


def test_a_file_is_trusted_on_first_use_and_another_one_refused(home: Path, store: Path) -> None:
    path = put(home, FACENET, b"the weights")
    asked: list[UnknownWeights] = []

    def agree(unknown: UnknownWeights) -> bool:
        asked.append(unknown)
        return True

    digest = TrustedWeights(store, accept=agree).check(FACENET, path)
    again = TrustedWeights(store).check(FACENET, path)
    put(home, FACENET, b"other weights")
    with pytest.raises(WeightsError, match="not the one that was trusted") as caught:
        TrustedWeights(store, accept=True).check(FACENET, path)

    assert digest == again
    assert asked == [UnknownWeights(path, digest, FACENET.urls[0])]
    assert digest in caught.value.message and str(store) in caught.value.message
    assert json.loads(store.read_bytes()) == {"version": 1, "weights": {FACENET.name: digest}}
    assert stat.S_IMODE(store.stat().st_mode) == 0o600


def test_what_is_not_agreed_to_is_refused_and_not_remembered(home: Path, store: Path) -> None:
    path = put(home, FACENET, b"the weights")

    for _ in range(2):
        with pytest.raises(WeightsError, match="accept=True"):
            TrustedWeights(store, accept=lambda unknown: False).check(FACENET, path)

    assert not store.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"version": 2, "weights": {}}',
        b'{"version": 1, "weights": {"a": 1}}',
        b'{"version": 1, "weights": {"a": "b"}}',
        b"\xff",
    ],
)
def test_a_damaged_file_of_hashes_trusts_nothing(content: bytes, home: Path, store: Path) -> None:
    path = put(home, FACENET, b"the weights")
    store.parent.mkdir()
    store.write_bytes(content)

    with pytest.raises(WeightsError, match="remembers trusted weights"):
        TrustedWeights(store, accept=True).check(FACENET, path)

    assert store.read_bytes() == content


def test_the_file_of_hashes_is_in_the_users_data_folder() -> None:
    path = TrustedWeights().path

    assert (path.name, path.parent.name) == ("trusted-weights.json", "encrypted-face-gallery")

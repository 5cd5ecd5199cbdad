"""Real embeddings of real photos with dlib's model; Facenet's code path with fake weights."""

from __future__ import annotations

import dataclasses
import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from gallery.client.photos import deepface_runtime
from gallery.client.photos.deepface_runtime import choose_runtime, load_deepface
from gallery.client.photos.detection import checked_embedding
from gallery.client.photos.embedder import PhotoEmbedder
from gallery.client.photos.folders import find_photos
from gallery.client.photos.model_table import find_model
from gallery.client.photos.trusted_weights import TrustedWeights
from gallery.demo.samples import Samples
from gallery.errors import (
    FaceRuntimeError,
    NoFaceError,
    PhotoError,
    SeveralFacesError,
    UnknownDetectorError,
    UnknownModelError,
    UnreadablePhotoError,
    WeightsError,
)
from gallery.messages import Preprocessing
from tests.support.photos import CHECKOUT, LondonPerson

Embed = Callable[[Path], npt.NDArray[np.float64]]

pytestmark = pytest.mark.photos


def squared(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    return float(((one - other) ** 2).sum())


def test_same_person_is_near_and_strangers_are_far(samples: Samples, embed: Embed) -> None:
    enrolled = {photo.path: photo.label for photo in find_photos(samples.enroll)}
    same = [path for path, label in enrolled.items() if label == "obama"]
    same += [photo.path for photo in samples.mated]
    others = [path for path in enrolled if path not in same] + list(samples.strangers)
    assert (len(same), len(others)) == (5, 2)
    within = [squared(embed(one), embed(two)) for one, two in itertools.combinations(same, 2)]
    between = [squared(embed(one), embed(two)) for one in same for two in others]
    assert max(within) < 0.30
    assert min(between) > 0.40
    assert squared(*(embed(path) for path in others)) > 0.40


def test_samples_are_decided_rightly_at_deepfaces_threshold(samples: Samples, embed: Embed) -> None:
    limit = find_model("Dlib").thresholds["euclidean"] ** 2
    references = {photo.path: photo.label for photo in find_photos(samples.enroll)}
    for photo in samples.mated:
        near = min(references, key=lambda path: squared(embed(path), embed(photo.path)))
        assert references[near] == photo.label
        assert squared(embed(near), embed(photo.path)) < limit
    for stranger in samples.strangers:
        assert min(squared(embed(path), embed(stranger)) for path in references) > limit


def test_london_people_are_told_apart(london: list[LondonPerson], embed: Embed) -> None:
    few = london[::17]
    neutral = [embed(person.neutral) for person in few]
    for index, person in enumerate(few):
        distances = [squared(embed(person.smiling), reference) for reference in neutral]
        assert int(np.argmin(distances)) == index


def test_embeddings_are_raw_finite_and_within_the_norm_bound(
    samples: Samples, embed: Embed, dlib_embedder: PhotoEmbedder
) -> None:
    values = embed(samples.strangers[0])
    assert values.shape == (dlib_embedder.dimension,)
    assert values.dtype == np.float64
    norm = float(np.linalg.norm(values))
    assert 1.1 < norm < dlib_embedder.model.norm_bound
    np.testing.assert_array_equal(values, dlib_embedder.embed(samples.strangers[0]))


def test_32_bit_png_is_the_same_photo(samples: Samples, embed: Embed) -> None:
    assert squared(embed(samples.png_32bit), embed(samples.enroll / "obama" / "obama2.jpg")) < 0.01


def test_rotated_photo_under_a_foreign_name(
    samples: Samples, embed: Embed, dlib_embedder: PhotoEmbedder, tmp_path: Path
) -> None:
    original = samples.enroll / "obama" / "obama2.jpg"
    turned = Image.open(original).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "Президент 大統領.jpg"
    turned.save(path, quality=95, exif=exif)
    assert squared(dlib_embedder.embed(path), embed(original)) < 0.01
    turned.save(path, quality=95)
    with pytest.raises(NoFaceError, match="turned by 90 degrees clockwise, and no orientation tag"):
        dlib_embedder.embed(path)


def test_a_small_thing_found_in_a_photo_that_lies_on_its_side_is_doubted(
    samples: Samples, deepface_home: Path, tmp_path: Path
) -> None:
    # The detector opencv finds 61 pixels that are no face; upright it finds one of 265.
    path = tmp_path / "turned.png"
    with Image.open(samples.enroll / "obama" / "obama.jpg") as image:
        image.transpose(Image.Transpose.ROTATE_90).save(path)

    quality = PhotoEmbedder("Dlib", "opencv", download=False).examine(path).quality

    assert quality.turn == 90
    assert quality.warnings()[-1] == (
        "a larger face is there when the photo is turned by 90 degrees clockwise: "
        "turn it and save it"
    )


def test_photos_without_exactly_one_face(
    samples: Samples, dlib_embedder: PhotoEmbedder, tmp_path: Path
) -> None:
    with pytest.raises(SeveralFacesError, match="6 faces") as several:
        dlib_embedder.embed(samples.several_faces)
    assert str(samples.several_faces) in str(several.value)
    with pytest.raises(NoFaceError, match=r"no_face\.jpg"):
        dlib_embedder.embed(samples.no_face)
    for size in ((1, 1), (1, 300), (64, 64)):
        Image.new("RGB", size).save(tmp_path / "plain.png")
        with pytest.raises(NoFaceError):
            dlib_embedder.embed(tmp_path / "plain.png")


def test_damaged_photo(samples: Samples, dlib_embedder: PhotoEmbedder, tmp_path: Path) -> None:
    whole = samples.strangers[0].read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadablePhotoError, match=r"cut\.png"):
        dlib_embedder.embed(tmp_path / "cut.png")


def test_facenets_code_path_with_fake_weights(
    samples: Samples,
    write_fake_facenet: Callable[[Path], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    trusted = TrustedWeights(tmp_path / "trusted.json", accept=True)
    embedder = PhotoEmbedder("Facenet", download=False, trusted=trusted)
    assert embedder.detector.name == "opencv"
    with pytest.raises(WeightsError, match="facenet_weights"):
        embedder.prepare()
    write_fake_facenet(tmp_path / ".deepface" / "weights" / "facenet_weights.onnx")
    values = embedder.embed(samples.enroll / "biden" / "biden.jpg")
    assert values.shape == (128,)
    np.testing.assert_array_equal(values, embedder.embed(samples.enroll / "biden" / "biden.jpg"))
    other = PhotoEmbedder("Facenet", "dlib", align=False, download=False, trusted=trusted)
    unlike = other.embed(samples.enroll / "biden" / "biden.jpg")
    assert not np.array_equal(values, unlike)


def test_damaged_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    weights = tmp_path / ".deepface" / "weights" / "openface_weights.onnx"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"no graph")
    trusted = TrustedWeights(tmp_path / "trusted.json", accept=True)
    with pytest.raises(WeightsError, match="cannot load OpenFace"):
        PhotoEmbedder("OpenFace", download=False, trusted=trusted).prepare()


def test_values_that_are_no_embedding_are_refused(
    samples: Samples, dlib_embedder: PhotoEmbedder
) -> None:
    wrong = PhotoEmbedder("Dlib", download=False)
    wrong.model = dataclasses.replace(wrong.model, dimension=64)
    with pytest.raises(PhotoError, match=r"shape \(128,\)"):
        wrong.embed(samples.strangers[0])
    for values in ([float("nan")] * 128, [0.0] * 128):
        with pytest.raises(PhotoError, match="finite"):
            checked_embedding(values, dlib_embedder.model, "x.jpg")


def test_standard_output_stays_silent_and_no_telemetry_is_kept(
    samples: Samples, tmp_path: Path
) -> None:
    code = """
import sys
from gallery.client.photos.embedder import PhotoEmbedder
print(PhotoEmbedder("Dlib", download=False).embed(sys.argv[1]).shape)
"""
    home, weights = tmp_path / "home", tmp_path / "weights"
    environment = dict(os.environ, DEEPFACE_HOME=str(weights), DEEPFACE_LOG_LEVEL="10")
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": "", "XDG_DATA_HOME": ""}
    for name in ("DEEPFACE_BACKEND_ENGINE", "ORT_DISABLE_TELEMETRY"):
        environment.pop(name, None)
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code, str(samples.strangers[0])],
        capture_output=True,
        text=True,
        check=True,
        cwd=CHECKOUT,
        env=environment,
    )
    assert done.stdout == "(128,)\n"
    assert "deepface will run on onnx" not in done.stdout
    # DeepFace did have something to say: it went to the other stream.
    assert "onnx" in done.stderr
    # onnxruntime would keep events there that it sends to its maker.
    assert [path for path in home.rglob("*") if "onnxruntime" in path.name] == []


def test_preprocessing_tells_every_choice() -> None:
    assert PhotoEmbedder("Dlib").preprocessing == Preprocessing("Dlib", "dlib", True, "base", 1024)
    other = PhotoEmbedder("Facenet", "dlib", align=False).preprocessing
    assert other == Preprocessing("Facenet", "dlib", False, "base", 1024)


def test_unknown_names_fail_at_once() -> None:
    with pytest.raises(UnknownModelError):
        PhotoEmbedder("dlib")
    with pytest.raises(UnknownDetectorError):
        PhotoEmbedder("Dlib", "Dlib")


def test_choice_of_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEEPFACE_BACKEND_ENGINE", raising=False)
    assert choose_runtime() == "onnx"
    assert choose_runtime("ONNX") == "onnx"
    monkeypatch.setenv("DEEPFACE_BACKEND_ENGINE", "jax")
    assert choose_runtime("onnx") == "onnx"
    with pytest.raises(FaceRuntimeError, match="'jax' is not supported"):
        choose_runtime()


def test_runtime_cannot_change_within_a_process(
    dlib_embedder: PhotoEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    dlib_embedder.prepare()
    monkeypatch.setenv("DEEPFACE_BACKEND_ENGINE", "onnx")
    with pytest.raises(FaceRuntimeError, match="runs on onnx in this process already"):
        load_deepface("tensorflow")
    assert os.environ["DEEPFACE_BACKEND_ENGINE"] == "onnx"


@pytest.mark.parametrize("module", ["deepface", "dlib", "onnxruntime", "PIL"])
def test_missing_packages_are_named(module: str, tmp_path: Path) -> None:
    code = f"""
import sys
sys.modules[{module!r}] = None
from gallery.client.photos.embedder import PhotoEmbedder
from gallery.client.photos.trusted_weights import TrustedWeights
from gallery.errors import MissingDependencyError
try:
    PhotoEmbedder("Dlib", runtime="onnx").embed("x.jpg")
except MissingDependencyError as error:
    print(error)
"""
    environment = dict(os.environ, DEEPFACE_HOME=str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=CHECKOUT, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert module in done.stdout
    assert "pip install 'encrypted-face-gallery[photos]'" in done.stdout


def test_deepface_that_does_not_import_is_no_traceback(tmp_path: Path) -> None:
    code = """
import sys
sys.modules["werkzeug"] = sys.modules["werkzeug.datastructures"] = None
from gallery.client.photos.deepface_runtime import load_deepface
from gallery.client.photos.trusted_weights import TrustedWeights
from gallery.errors import MissingDependencyError
try:
    load_deepface("onnx")
except MissingDependencyError as error:
    print(error)
"""
    environment = dict(os.environ, DEEPFACE_HOME=str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=CHECKOUT, env=environment
    )
    assert "cannot be loaded (ModuleNotFoundError" in done.stdout, done.stderr


def test_short_errors_are_one_line() -> None:
    assert deepface_runtime.short(ValueError("first\nsecond")) == "ValueError: first"
    assert deepface_runtime.short(KeyError()) == "KeyError"

"""The tables of models and detectors against the installed DeepFace's own sources."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gallery.client.photos.detectors import DETECTORS, find_detector
from gallery.client.photos.face_model import RUNTIMES, FaceModel, WeightsFile
from gallery.client.photos.model_table import MODELS, find_model
from gallery.distances import Metric
from gallery.errors import UnknownDetectorError, UnknownModelError
from tests.support.photos import CHECKOUT

DEEPFACE = Path((importlib.util.find_spec("deepface") or pytest.fail()).origin or "").parent


def sources(task: str) -> dict[str, dict[str, str]]:
    modeling = importlib.import_module("deepface.modules.modeling")
    available: dict[str, dict[str, str]] = modeling.AVAILABLE_MODELS[task]
    return available


def module_and_class(dotted: str) -> tuple[str, str]:
    """Return the text of DeepFace's module and of the named class, without importing a runtime."""
    module, _, name = dotted.rpartition(".")
    path = DEEPFACE.parent.joinpath(*module.split(".")).with_suffix(".py")
    text = path.read_text(encoding="utf-8")
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return text, ast.get_source_segment(text, node) or ""
    raise AssertionError(f"{name} is not in {path}")


def strings(text: str) -> set[str]:
    return {
        node.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def assert_file_named_in(file: WeightsFile, text: str) -> None:
    found = strings(text)
    assert set(file.urls) <= found
    assert file.name.rpartition("/")[2] in found


def test_table_has_every_model_of_deepface_but_one() -> None:
    assert set(sources("facial_recognition")) - set(MODELS) == {"DeepFace"}
    assert set(MODELS) <= set(sources("facial_recognition"))


@pytest.mark.parametrize("metric", [metric.value for metric in Metric])
@pytest.mark.parametrize("name", MODELS)
def test_thresholds_are_deepfaces(name: str, metric: str) -> None:
    verification = importlib.import_module("deepface.modules.verification")
    assert MODELS[name].thresholds[metric] == verification.find_threshold(name, metric)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_dimension_and_files_are_deepfaces(model: FaceModel, runtime: str) -> None:
    clients = sources("facial_recognition")[model.name]
    text, client = module_and_class(clients.get(runtime) or clients["any"])
    assert_file_named_in(model.onnx if runtime == "onnx" else model.tensorflow, text)
    shape = re.search(r"self\.output_shape = (\d+)", client)
    assert shape is not None
    assert int(shape[1]) == model.dimension


@pytest.mark.parametrize("name", sorted(set(DETECTORS) - {"skip"}))
def test_detectors_and_their_files_are_deepfaces(name: str) -> None:
    text, _ = module_and_class(sources("face_detector")[name]["any"])
    if name == "retinaface":
        package = Path((importlib.util.find_spec("retinaface") or pytest.fail()).origin or "")
        models = package.parent / "model"
        text = (models / "retinaface_onnx_model.py").read_text(encoding="utf-8")
        keras = (models / "retinaface_model.py").read_text(encoding="utf-8")
        assert_file_named_in(DETECTORS[name].tensorflow[0], keras)
    for file in DETECTORS[name].onnx:
        assert_file_named_in(file, text)


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_norm_bounds_are_powers_of_two_above_deepfaces_own_distances(model: FaceModel) -> None:
    assert math.frexp(model.norm_bound)[0] == 0.5
    confidence = importlib.import_module("deepface.config.confidence").confidences
    if model.name in confidence:
        assert model.norm_bound > confidence[model.name]["euclidean"]["normalizer"] / math.sqrt(2)


@pytest.mark.parametrize(
    ("wrong", "right"), [("facenet", "Facenet"), ("VGGFace", "VGG-Face"), ("dilb", "Dlib")]
)
def test_unknown_model_suggests_the_closest(wrong: str, right: str) -> None:
    with pytest.raises(UnknownModelError, match=f"Did you mean {right}") as caught:
        find_model(wrong)
    assert all(name in str(caught.value) for name in MODELS)
    assert caught.value.exit_code == 54


def test_unknown_names_without_anything_close() -> None:
    with pytest.raises(UnknownModelError, match=r"named 'x'\. Known models"):
        find_model("x")
    with pytest.raises(UnknownDetectorError, match="Did you mean retinaface"):
        find_detector("RetinaFace")


def test_default_detectors_are_known() -> None:
    assert {model.default_detector for model in MODELS.values()} == {"opencv", "dlib"}
    assert find_model("Dlib").default_detector == "dlib"


def test_tables_and_embedder_load_nothing_heavy() -> None:
    code = """
import sys
import gallery.client.photos.model_table, gallery.client.photos.weights
import gallery.demo.samples, gallery.client.photos.embedder
print(sorted({"deepface", "PIL", "cv2", "onnxruntime", "tensorflow", "dlib"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=CHECKOUT
    )
    assert done.stdout == "[]\n"

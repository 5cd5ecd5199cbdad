"""DeepFace's TensorFlow runtime: fake Facenet weights for the plumbing, dlib's real model."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gallery.client.photos.deepface_runtime import choose_runtime, load_deepface
from gallery.client.photos.embedder import PhotoEmbedder
from gallery.client.photos.trusted_weights import TrustedWeights
from gallery.demo.samples import Samples
from gallery.errors import FaceRuntimeError, WeightsError
from tests.support.photos import CHECKOUT


def test_missing_weights_are_named_with_keras_file_name(deepface_home: Path) -> None:
    embedder = PhotoEmbedder("Facenet512", runtime="tensorflow", download=False)
    with pytest.raises(WeightsError, match=r"facenet512_weights\.h5"):
        embedder.prepare()


def trusting(folder: Path) -> TrustedWeights:
    return TrustedWeights(folder / "trusted.json", accept=True)


def test_facenet_runs_on_keras(fake_facenet: Path, samples: Samples, tmp_path: Path) -> None:
    photo = samples.enroll / "biden" / "biden.jpg"
    embedder = PhotoEmbedder(
        "Facenet", "opencv", runtime="tensorflow", download=False, trusted=trusting(tmp_path)
    )
    values = embedder.embed(photo)
    assert values.shape == (128,)
    assert values.dtype == np.float64
    assert np.isfinite(values).all()
    assert values.std() > 0
    np.testing.assert_array_equal(values, embedder.embed(photo))
    other = embedder.embed(samples.enroll / "obama" / "obama.jpg")
    assert not np.array_equal(values, other)
    assert "tf_keras" in sys.modules


def test_dlibs_real_model_runs_under_tensorflow(fake_facenet: Path, samples: Samples) -> None:
    embedder = PhotoEmbedder("Dlib", runtime="tensorflow", download=False)
    reference = embedder.embed(samples.enroll / "obama" / "obama2.jpg")
    mated = embedder.embed(samples.mated[0].path)
    stranger = embedder.embed(samples.strangers[0])
    assert ((reference - mated) ** 2).sum() < 0.30
    assert ((reference - stranger) ** 2).sum() > 0.40


def test_damaged_keras_weights_are_an_error(fake_facenet: Path, tmp_path: Path) -> None:
    path = fake_facenet.with_name("openface_weights.h5")
    path.write_bytes(b"no weights")
    embedder = PhotoEmbedder(
        "OpenFace", runtime="tensorflow", download=False, trusted=trusting(tmp_path)
    )
    with pytest.raises(WeightsError, match="cannot load OpenFace"):
        embedder.prepare()


def test_runtime_cannot_change_within_a_process(fake_facenet: Path) -> None:
    assert choose_runtime("tensorflow") == "tensorflow"
    with pytest.raises(FaceRuntimeError, match="runs on tensorflow in this process already"):
        load_deepface("onnx")


def test_standard_output_stays_silent(samples: Samples, deepface_home: Path) -> None:
    code = """
import sys
from gallery.client.photos.embedder import PhotoEmbedder
embedder = PhotoEmbedder("Dlib", "opencv", runtime="tensorflow", download=False)
print(embedder.embed(sys.argv[1]).shape)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(samples.enroll / "biden" / "biden.jpg")],
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        env=dict(os.environ, DEEPFACE_LOG_LEVEL="10", DEEPFACE_BACKEND_ENGINE="tensorflow"),
    )
    assert done.stdout == "(128,)\n", done.stderr
    assert "tensorflow" in done.stderr

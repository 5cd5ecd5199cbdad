"""DeepFace on TensorFlow: a run of its own, since DeepFace keeps one runtime per process.

Run it with ``python -m pytest tests/tensorflow`` where the extra ``tensorflow`` is installed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.photos import samples

__all__ = ["samples"]

if find_spec("tensorflow") is None or find_spec("tf_keras") is None:
    pytest.exit("tests/tensorflow needs the extra `tensorflow`: tensorflow and tf-keras", 2)

# Before TensorFlow is imported: its wheels otherwise open with pages of remarks on the processor.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="session", autouse=True)
def deepface_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep DeepFace's files of the whole run out of the real home folder."""
    home = tmp_path_factory.mktemp("deepface-home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEEPFACE_HOME", str(home))
        patch.delenv("DEEPFACE_BACKEND_ENGINE", raising=False)
        yield home


@pytest.fixture(scope="session")
def fake_facenet(deepface_home: Path) -> Path:
    """Save DeepFace's real Facenet architecture with random weights, a fake, and return the file.

    It shows that the TensorFlow runtime runs, never how well faces are told apart.
    """
    from gallery.client.photos.deepface_runtime import load_deepface

    load_deepface("tensorflow")
    import tf_keras
    from deepface.models.facial_recognition.tf import Facenet

    path = deepface_home / ".deepface" / "weights" / "facenet_weights.h5"
    tf_keras.utils.set_random_seed(7)
    Facenet.InceptionResNetV1(dimension=128).save_weights(str(path))
    return path

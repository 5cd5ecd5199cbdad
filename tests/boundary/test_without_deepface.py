"""Everything but photos works on a machine without DeepFace and what it brings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

CHECKOUT = Path(__file__).resolve().parents[2]

# A module that is None in sys.modules cannot be imported, just as if it were not installed.
WITHOUT = """
import sys
for name in ("deepface", "tensorflow", "tf_keras", "onnxruntime", "cv2", "dlib", "PIL",
             "face_recognition_models", "pandas"):
    sys.modules[name] = None
from gallery.commands.main import run
sys.exit(run(sys.argv[1:]))
"""


def bare(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, *map(str, arguments)],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(CHECKOUT),
            "GALLERY_KEY": str(folder / "owner.key"),
            "GALLERY_PASSPHRASE": "correct horse",
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with embeddings in it."""
    embeddings = np.random.default_rng(0).normal(size=(4, 16))
    np.savez(tmp_path / "a.npz", embeddings=embeddings, labels=np.array(["a", "b", "c", "d"]))
    return tmp_path


def test_ready_embeddings_need_no_deepface(folder: Path) -> None:
    for arguments in (
        ["key", "new"],
        ["init", "--dimension", 16],
        ["enroll", "a.npz"],
        ["info"],
        ["list"],
        ["verify", "--deep"],
        ["migrate"],
    ):
        done = bare(folder, *arguments)
        assert done.returncode == 0, done.stderr

    found = bare(folder, "identify", "a.npz", "--threshold", 0.1, "--json")

    assert [json.loads(line)["label"] for line in found.stdout.splitlines()] == [*"abcd"]


def test_a_gallery_for_a_model_can_be_made_and_filled_with_its_embeddings(folder: Path) -> None:
    embeddings = np.random.default_rng(0).normal(size=(2, 128))
    np.savez(folder / "f.npz", embeddings=embeddings, labels=np.array(["a", "b"]), model="Facenet")
    bare(folder, "key", "new")

    assert bare(folder, "init", "--model", "Facenet").returncode == 0
    assert bare(folder, "enroll", "f.npz").returncode == 0
    found = bare(folder, "identify", "f.npz", "--json")

    assert [json.loads(line)["label"] for line in found.stdout.splitlines()] == ["a", "b"]


def test_photos_say_which_extra_is_missing(folder: Path) -> None:
    bare(folder, "key", "new")
    bare(folder, "init", "--model", "Dlib")
    (folder / "photo.jpg").write_bytes(b"\xff\xd8")

    done = bare(folder, "identify", "photo.jpg")

    assert done.returncode == 52
    assert "encrypted-face-gallery[photos]" in done.stderr
    assert "Traceback" not in done.stderr

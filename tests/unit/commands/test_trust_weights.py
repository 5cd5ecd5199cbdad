"""Weights of which no hash is known: refused, asked about, or trusted by an option."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image

from gallery.client import GalleryKey, write_key_file
from gallery.client.photos.model_table import find_model
from gallery.client.photos.weights import WeightsSource, ensure_weights
from gallery.commands.trust_weights import trusted_weights
from gallery.errors import WeightsError
from tests.support.photos import deepface_home
from tests.unit.client.photos.conftest import write_fake_facenet
from tests.unit.commands.conftest import Command

__all__ = ["deepface_home", "write_fake_facenet"]

INIT = ("init", "--model", "Facenet", "--detector", "skip")


@pytest.fixture
def weights(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    deepface_home: Path,
    write_fake_facenet: Callable[[Path], None],
) -> Path:
    """The weights file of a fake Facenet, where DeepFace looks; beside it a photo of noise."""
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    path = tmp_path / ".deepface" / "weights" / "facenet_weights.onnx"
    write_fake_facenet(path)
    noise = np.random.default_rng(5).integers(0, 256, (160, 160, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "ada.png")
    write_key_file(tmp_path / "owner.key", GalleryKey(bytes(32), {}), None)
    return path


def make_gallery(command: Command, *arguments: str) -> None:
    assert command(*INIT, "--parameters", "swift", *arguments).code == 0


def test_they_are_refused_until_they_are_trusted_and_stay_trusted(
    command: Command, weights: Path
) -> None:
    make_gallery(command)
    refused = command("enroll", "ada.png", "--label", "Ada")
    trusted = command("enroll", "ada.png", "--label", "Ada", "--trust-weights")
    (info,) = command("info", "--json").records
    remembered = command("identify", "ada.png")
    weights.write_bytes(weights.read_bytes() + b"\x12\x05other")
    replaced = command("identify", "ada.png", "--trust-weights")

    assert refused.code == WeightsError.exit_code
    assert "No hash is known" in refused.err and "--trust-weights" in refused.err
    assert (trusted.code, remembered.code, replaced.code) == (0, 0, WeightsError.exit_code)
    assert (info["runtime"], len(info["model_weights"])) == ("onnx", 64)
    assert "warning" not in remembered.err
    assert "not the one that was trusted" in replaced.err


@pytest.mark.parametrize("answer", [True, False], ids=["yes", "no"])
def test_at_a_terminal_it_is_asked(
    answer: bool, command: Command, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_gallery(command)
    asked: list[str] = []

    def reply(question: str, err: bool) -> bool:
        asked.append(question)
        return answer

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("click.confirm", reply)
    done = command("enroll", "ada.png", "--label", "Ada")

    assert (done.code, len(asked)) == (0 if answer else WeightsError.exit_code, 1)
    assert str(weights) in asked[0] and "SHA-256" in asked[0]


def test_a_service_asks_nobody_at_its_terminal(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("click.confirm", lambda *_, **__: True)
    with click.Context(click.Command("desk")):
        asking, silent = trusted_weights(), trusted_weights(ask=False)
    model = find_model("Facenet")

    ensure_weights(model, WeightsSource(asking, download=False), runtime="onnx")
    weights.write_bytes(weights.read_bytes() + b"\x12\x05other")
    silent.path.unlink()
    with pytest.raises(WeightsError, match="No hash is known"):
        ensure_weights(model, WeightsSource(silent, download=False), runtime="onnx")


def test_other_weights_than_the_gallerys_are_warned_about(
    command: Command, weights: Path, tmp_path: Path
) -> None:
    make_gallery(command)
    assert command("enroll", "ada.png", "--label", "Ada", "--trust-weights").code == 0
    weights.write_bytes(weights.read_bytes() + b"\x12\x05other")
    (tmp_path / "data" / "encrypted-face-gallery" / "trusted-weights.json").unlink()

    done = command("identify", "ada.png", "--trust-weights")

    assert done.code == 0
    assert done.err.count("warning: the weights of the face model were") == 1


def test_of_dlibs_weights_the_gallery_knows_from_its_creation(
    command: Command, weights: Path
) -> None:
    assert command("init", "--model", "Dlib", "--parameters", "swift").code == 0

    (info,) = command("info", "--json").records
    assert len(info["model_weights"]) == len(info["detector_weights"]) == 64
    assert info["deepface"] and info["runtime"] == "onnx"

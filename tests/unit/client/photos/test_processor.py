"""Processors that lack what packages were compiled for."""

from __future__ import annotations

import platform

import llvmlite.binding
import pytest

from gallery.client import PhotoEmbedder
from gallery.client.photos.processor import require_instructions
from gallery.errors import MachineError


@pytest.fixture
def _old_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(llvmlite.binding, "get_host_cpu_features", lambda: {"sse2": True})


@pytest.mark.usefixtures("_old_processor")
@pytest.mark.parametrize(
    ("model", "detector"), [("Dlib", "skip"), ("Dlib", "dlib"), ("Facenet", "dlib")]
)
def test_a_processor_without_the_instructions_is_told_of_before_they_are_met(
    model: str, detector: str
) -> None:
    with pytest.raises(MachineError, match=r"instruction set AVX.*dlib-bin.*pip install dlib"):
        PhotoEmbedder(model, detector, download=False).prepare()


@pytest.mark.usefixtures("_old_processor")
def test_modules_that_need_no_more_than_all_processors_have_are_let_pass() -> None:
    require_instructions(("onnxruntime", "retinaface"), "The detector")


def test_other_kinds_of_processors_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")

    require_instructions(("dlib",), "The model Dlib")

"""A search with photos, embedded by the real model Dlib without a detector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gallery.client import Calibration, GalleryClient, GalleryKey, LabelledPhoto, PhotoEmbedder
from gallery.client.searching.stored_thresholds import CalibrationSealer
from gallery.server import EmbeddedService
from tests.support.counting import count_calls

FOUND = Calibration(0.05, 0.01, non_mated=1234, mated=567, gallery_size=89, made=1_795_435_200)


def test_the_calibrated_threshold_is_opened_once(
    service: EmbeddedService, key: GalleryKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, embedder = tmp_path / "photo.png", PhotoEmbedder("Dlib", "skip", download=False)
    pixels = np.random.default_rng(0).integers(0, 255, (150, 150, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    with GalleryClient.create(
        service, key, dimension=128, preprocessing=embedder.preprocessing
    ) as client:
        client.enroll_photos([LabelledPhoto(path, "Ada")], embedder=embedder)
        client.store_calibration(FOUND)
        opened = count_calls(monkeypatch, CalibrationSealer, "open")

        found = client.identify_photos([path], embedder=embedder)

    assert found.identification is not None
    assert found.identification.threshold == FOUND.threshold
    assert [*found.identification.labels[:, 0]] == ["Ada"]
    assert len(opened) == 1

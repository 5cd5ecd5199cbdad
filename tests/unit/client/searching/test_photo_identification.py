"""A search with photos, embedded by the real model Dlib without a detector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gallery.client import Calibration, GalleryClient, GalleryKey, LabelledPhoto, PhotoEmbedder
from gallery.client.searching.stored_thresholds import CalibrationSealer
from gallery.errors import ReferenceNotFoundError
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


def test_photos_are_compared_with_one_person(
    service: EmbeddedService, key: GalleryKey, tmp_path: Path
) -> None:
    embedder, generator = PhotoEmbedder("Dlib", "skip", download=False), np.random.default_rng(0)
    ada, grace, broken = (tmp_path / f"{name}.png" for name in ("ada", "grace", "broken"))
    for path in (ada, grace):
        pixels = generator.integers(0, 255, (150, 150, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    broken.write_bytes(b"no photo")
    with GalleryClient.create(
        service, key, dimension=128, preprocessing=embedder.preprocessing
    ) as client:
        photos = [LabelledPhoto(ada, "Ada"), LabelledPhoto(grace, "Grace")]
        client.enroll_photos(photos, embedder=embedder)

        done = client.match_photos([grace, broken, ada], "Ada", 1e-5, embedder=embedder)
        with pytest.raises(ReferenceNotFoundError):
            client.match_photos([ada], "Nobody", 1e-5, embedder=embedder)
        nothing = client.match_photos([broken], "Nobody", 1e-5, embedder=embedder)
        with pytest.raises(ValueError, match="not 'All'"):
            client.identify_photos([ada], embedder=embedder, faces="All")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="photos are given as a list"):
            client.identify_photos(str(ada), embedder=embedder)
        with pytest.raises(TypeError, match="photos are given as a list"):
            client.unknown_faces(str(ada), embedder=embedder)
        with pytest.raises(TypeError, match="a VideoFile or a LiveSource"):
            client.identify_video("clip.mp4", embedder=embedder)  # type: ignore[arg-type]

    assert done.paths == (grace, ada)
    assert done.identification is not None
    assert [*done.identification.decisions] == [False, True]
    assert [*done.identification.labels[:, 0]] == ["Ada", "Ada"]
    assert [failure.path for failure in done.failures] == [broken]
    assert nothing.identification is None

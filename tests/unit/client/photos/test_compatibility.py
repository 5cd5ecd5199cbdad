"""The origin of a gallery's embeddings: stored when it is known, and warned about where it differs.

The face model is a fake with random weights, and the photos are noise: all of it is plumbing.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gallery.client import (
    GalleryClient,
    GalleryKey,
    LabelledPhoto,
    PhotoEmbedder,
    TrustedWeights,
    renew_gallery,
)
from gallery.errors import AccessDeniedError
from gallery.forwarding import ForwardingService
from gallery.messages import GalleryDescription, ModelOrigin
from gallery.parameters import LIGHT, SWIFT
from gallery.protocol import GalleryService
from gallery.server import open_service

KEY = GalleryKey(bytes(range(32)), {})
OTHER_KEY = GalleryKey(bytes(range(32, 64)), {})


@pytest.fixture
def weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_fake_facenet: Callable[[Path], None]
) -> Path:
    """The weights file of the fake Facenet."""
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    path = tmp_path / ".deepface" / "weights" / "facenet_weights.onnx"
    write_fake_facenet(path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> list[LabelledPhoto]:
    generator = np.random.default_rng(5)
    found = []
    for label in ("Ada", "Grace"):
        path = tmp_path / f"{label}.png"
        Image.fromarray(generator.integers(0, 256, (160, 160, 3), np.uint8)).save(path)
        found.append(LabelledPhoto(path, label))
    return found


@pytest.fixture
def service(tmp_path: Path) -> Iterator[GalleryService]:
    with open_service(f"sqlite:///{tmp_path / 'gallery.db'}", create=True) as opened:
        yield opened


def embedder(folder: Path, store: str = "trusted.json") -> PhotoEmbedder:
    trusted = TrustedWeights(folder / store, accept=True)
    return PhotoEmbedder("Facenet", "skip", download=False, trusted=trusted)


def create(
    service: GalleryService, folder: Path, origin: ModelOrigin | None = None
) -> GalleryClient:
    made_by = embedder(folder).preprocessing
    return GalleryClient.create(
        service, KEY, dimension=128, preprocessing=made_by, parameters=SWIFT, origin=origin
    )


def changed(weights: Path) -> None:
    """Change the fake in a field that only says what made it."""
    weights.write_bytes(weights.read_bytes() + b"\x12\x05other")


def test_the_first_photos_tell_it(
    weights: Path, photos: list[LabelledPhoto], service: GalleryService, tmp_path: Path
) -> None:
    with create(service, tmp_path) as client:
        before = client.description.origin
        client.enroll_photos(photos, embedder=embedder(tmp_path))
        told = client.description.origin
    with GalleryClient(service, KEY) as client:
        client.export(tmp_path / "backup")
        assert client.description.origin == told == embedder(tmp_path).known_origin()

    assert before is None
    assert told is not None
    assert (told.runtime, told.model_digest != told.detector_digest) == ("onnx", True)
    service.delete(client.description.gallery_id)
    with GalleryClient.restore(service, KEY, tmp_path / "backup", "restored") as restored:
        assert restored.description.origin == told
    renew_gallery(service, KEY, OTHER_KEY, "restored", parameters=LIGHT)
    with GalleryClient(service, OTHER_KEY, "restored") as renewed:
        assert renewed.description.origin == told


def test_it_can_be_told_at_the_creation(
    weights: Path, service: GalleryService, tmp_path: Path
) -> None:
    embedder(tmp_path).prepare()
    origin = embedder(tmp_path).known_origin()

    with create(service, tmp_path, origin) as client:
        assert client.description.origin == origin is not None


def test_what_takes_a_download_or_trust_is_not_known(weights: Path, tmp_path: Path) -> None:
    untrusted = embedder(tmp_path).known_origin()
    weights.unlink()

    assert untrusted is embedder(tmp_path).known_origin() is None


def test_of_references_that_are_there_nothing_is_claimed(
    weights: Path, photos: list[LabelledPhoto], service: GalleryService, tmp_path: Path
) -> None:
    with create(service, tmp_path) as client:
        client.enroll(np.eye(1, 128), ["Edith"])
        client.enroll_photos(photos, embedder=embedder(tmp_path))

        assert client.description.origin is None


def test_a_token_that_may_not_store_it_does_not_keep_photos_out(
    weights: Path, photos: list[LabelledPhoto], service: GalleryService, tmp_path: Path
) -> None:
    class Restricted(ForwardingService):
        def update_description(self, former_mac: bytes, description: GalleryDescription) -> None:
            raise AccessDeniedError("the token does not allow this")

    with create(Restricted(service), tmp_path) as client:
        done = client.enroll_photos(photos, embedder=embedder(tmp_path))

        assert (len(done.added), client.description.origin) == (2, None)


def test_other_weights_are_warned_about_once_a_gallery(
    weights: Path, photos: list[LabelledPhoto], service: GalleryService, tmp_path: Path
) -> None:
    with create(service, tmp_path) as client:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            client.enroll_photos(photos[:1], embedder=embedder(tmp_path))
        changed(weights)
        said: list[str] = []
        other = embedder(tmp_path, "trusted-by-another.json")
        other.warn = said.append
        for _ in range(2):
            client.identify_photos([photos[0].path], threshold=1.0, embedder=other)
            client.enroll_photos(photos[1:], embedder=other)

    (text,) = said
    assert "weights of the face model were" in text and "'default'" in text


@pytest.mark.parametrize(
    "change, words",
    [
        ({"deepface": "0.0.99"}, ["DeepFace was 0.0.99"]),
        ({"runtime": "tensorflow", "model_digest": bytes(32)}, ["runtime was tensorflow"]),
        ({"detector_digest": bytes(32)}, ["weights of the face detector were 0000"]),
        (
            {"model_digest": bytes(32), "detector_digest": bytes(32)},
            ["the face model", "the face detector"],
        ),
        ({}, []),
    ],
)
def test_each_difference_is_named(
    change: dict[str, str | bytes],
    words: list[str],
    weights: Path,
    photos: list[LabelledPhoto],
    service: GalleryService,
    tmp_path: Path,
) -> None:
    here = embedder(tmp_path)
    here.prepare()
    said: list[str] = []
    here.warn = said.append
    origin = here.known_origin()
    assert origin is not None

    with create(service, tmp_path, replace(origin, **change)) as client:  # type: ignore[arg-type]
        client.enroll_photos(photos[:1], embedder=here)

    assert len(said) == len(words)
    assert all(word in text for word, text in zip(words, said, strict=True))

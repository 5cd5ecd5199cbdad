"""dlib's face detector without the black border: the same faces as dlib finds, to the pixel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from gallery.client import PhotoEmbedder
from gallery.client.photos.dlib_stream import UnknownStreamError, weights_of
from gallery.client.photos.frontal_detector import FrontalDetector, quicken
from gallery.client.photos.hog_features import columns_of, resize, rows_of
from gallery.client.photos.images import open_photo
from tests.support.composites import composite
from tests.support.photos import LondonPerson

pytestmark = pytest.mark.photos

dlib = pytest.importorskip("dlib")

Pixels = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def original() -> Any:
    return dlib.get_frontal_face_detector()


@pytest.fixture(scope="module")
def quick(original: Any) -> FrontalDetector:
    return FrontalDetector(original)


def bordered(picture: Image.Image) -> Pixels:
    """Return a picture as DeepFace gives it to a detector: blue first, with a black border."""
    pixels = np.asarray(picture.convert("RGB"))[:, :, ::-1]
    high, wide = (side // 2 for side in pixels.shape[:2])
    return np.pad(pixels, ((high, high), (wide, wide), (0, 0)))


def found(detector: Any, pixels: Pixels, least: float = 0.0) -> list[tuple[Any, ...]]:
    boxes, scores, filters = detector.run(pixels, 1, least)
    corners = [(box.left(), box.top(), box.right(), box.bottom()) for box in boxes]
    return list(zip(corners, np.round(scores, 3), filters, strict=True))


def test_portraits_show_the_same_faces(
    original: Any, quick: FrontalDetector, london: list[LondonPerson]
) -> None:
    for number, person in enumerate(london[:3]):
        with Image.open(person.smiling) as image:
            # Sides of which one is odd, and of which both are.
            picture = image.crop((0, 0, 400 - number, 400 - number // 2))
        pixels = bordered(picture)
        assert found(quick, pixels) == found(original, pixels)
        assert found(quick, pixels, -1.0) == found(original, pixels, -1.0)


def test_small_faces_and_faces_that_an_edge_cuts_are_found_as_well(
    original: Any, quick: FrontalDetector, london: list[LondonPerson]
) -> None:
    paths = [person.neutral for person in london[:24]]
    # 24 faces of 45 pixels, and of the outer ones half of the face is cut away.
    whole = composite(paths, columns=6, scale=0.3).picture
    pixels = bordered(whole.crop((60, 0, whole.width - 60, whole.height - 70)))
    faces = found(original, pixels)
    assert len(faces) >= 12
    assert found(quick, pixels) == faces


def test_a_large_portrait_shows_the_same_face(
    original: Any, quick: FrontalDetector, london: list[LondonPerson]
) -> None:
    with Image.open(london[7].neutral) as image:
        pixels = bordered(image.resize((720, 960), Image.Resampling.LANCZOS))
    assert len(found(original, pixels)) == 1
    assert found(quick, pixels) == found(original, pixels)


@pytest.mark.parametrize("size", [(90, 70), (31, 200), (12, 9), (1, 1)])
def test_what_is_no_face_is_none(
    original: Any, quick: FrontalDetector, size: tuple[int, int]
) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    pixels = bordered(Image.fromarray(noise))
    assert found(quick, pixels, -1.5) == found(original, pixels, -1.5)


def test_pictures_without_a_border_go_to_dlib(
    original: Any, quick: FrontalDetector, london: list[LondonPerson]
) -> None:
    with Image.open(london[0].neutral) as image:
        plain = np.asarray(image.convert("RGB"))
    assert len(found(quick, plain)) == 1
    assert found(quick, plain) == found(original, plain)
    black = np.zeros((80, 80, 3), np.uint8)
    assert found(quick, black) == []


def test_pixels_are_resized_as_dlib_does_it(original: Any) -> None:
    source = np.random.default_rng(2).integers(0, 256, (61, 47, 3), dtype=np.uint8)
    for rows, columns in ((50, 39), (123, 96)):
        upper, down = rows_of(61, rows)
        left, across = columns_of(47, columns)
        planes = np.ascontiguousarray(source.transpose(2, 0, 1))
        mine = resize(planes, upper, down, (left + 2).astype(np.uint32), across)
        theirs = np.asarray(dlib.resize_image(source, rows, columns)).transpose(2, 0, 1)
        # dlib computes the last columns in another way, where photos have their border.
        assert np.array_equal(mine[:, :, :-4], theirs[:, :, :-4])


def test_a_detector_of_another_form_is_left_to_dlib(original: Any) -> None:
    class Other:
        def save(self, path: str) -> None:
            Path(path).write_bytes(b"\x01\x07" * 40)

    class Client:
        model: dict[str, Any]

    with pytest.raises(UnknownStreamError):
        weights_of(Other())
    client, other = Client(), Other()
    client.model = {"face_detector": other}
    quicken(client)
    assert client.model["face_detector"] is other


def test_deepface_makes_the_same_embeddings(
    original: Any, london: list[LondonPerson], dlib_embedder: PhotoEmbedder
) -> None:
    dlib_embedder.prepare()
    from deepface import DeepFace

    client = DeepFace.build_model("dlib", task="face_detector")
    quick = client.model["face_detector"]
    assert isinstance(quick, FrontalDetector)
    for person in london[:2]:
        pixels = open_photo(person.neutral).pixels
        (face,) = dlib_embedder.faces(person.neutral)
        client.model["face_detector"] = original
        try:
            (plain,) = DeepFace.represent(pixels, model_name="Dlib", detector_backend="dlib")
        finally:
            client.model["face_detector"] = quick
        assert np.abs(face.embedding - plain["embedding"]).max() <= 1e-5
        assert face.quality.confidence == plain["face_confidence"]

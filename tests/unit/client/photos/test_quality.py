"""Figures of a photo's quality: each grows worse with what spoils a photo, and then warns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageFilter

from gallery.client.photos.embedder import PhotoEmbedder
from gallery.client.photos.quality import (
    FEWEST_GREY_LEVELS,
    LARGEST_ROLL,
    LARGEST_YAW,
    LEAST_CONFIDENCE,
    LEAST_SHARPNESS,
    SMALLEST_FACE,
    FaceQuality,
    measure,
)
from gallery.demo.samples import Samples

Pixels = npt.NDArray[np.uint8]

GOOD = FaceQuality(
    face_size=200,
    face_size_used=200,
    confidence=1.0,
    sharpness=0.1,
    grey_levels=200,
    roll=2.0,
    yaw=0.02,
)


def portrait(blur: float = 0.0, light: float = 1.0) -> Pixels:
    """Return a picture of 300 by 400 pixels whose middle 200 by 200 hold detail of all sizes."""
    generator = np.random.default_rng(3)
    picture = np.full((400, 300), 128.0)
    for size in (2, 4, 10, 40):
        patches = generator.normal(0, 25, (200 // size, 200 // size))
        picture[100:300, 50:250] += np.kron(patches, np.ones((size, size)))
    grey = Image.fromarray((np.clip(picture, 0, 255) * light).astype(np.uint8))
    blurred = np.asarray(grey.filter(ImageFilter.GaussianBlur(blur)))
    return np.repeat(blurred[:, :, np.newaxis], 3, axis=2)


AREA = {"x": 50, "y": 100, "w": 200, "h": 200}


def test_a_good_photo_has_no_warnings() -> None:
    found = measure(portrait(), AREA, 0.97, 1.0)

    assert GOOD.warnings() == ()
    assert found.warnings() == ()
    assert (found.face_size, found.face_size_used, found.confidence) == (200, 200, 0.97)


def test_blur_lowers_the_sharpness_and_warns() -> None:
    found = [measure(portrait(blur), AREA, 1.0, 1.0).sharpness for blur in (0, 1, 2, 4, 8)]

    assert found == sorted(found, reverse=True)
    assert found[0] > LEAST_SHARPNESS > found[-1]
    (warning,) = measure(portrait(8), AREA, 1.0, 1.0).warnings()
    assert warning.startswith("blurred")


def test_dim_light_is_no_blur_but_leaves_few_grey_levels() -> None:
    bright, dim = (measure(portrait(light=light), AREA, 1.0, 1.0) for light in (1.0, 0.1))

    assert dim.sharpness == pytest.approx(bright.sharpness, rel=0.3)
    assert dim.grey_levels < FEWEST_GREY_LEVELS < bright.grey_levels
    (warning,) = dim.warnings()
    assert "grey levels" in warning


def test_a_picture_without_contrast_has_no_sharpness() -> None:
    found = measure(np.full((50, 40, 3), 7, dtype=np.uint8), None, None, 1.0)

    assert (found.sharpness, found.grey_levels) == (0.0, 1)


def test_only_the_face_is_measured() -> None:
    around = portrait()
    around[:100] = 0
    around[:, 250:] = 255

    assert measure(around, AREA, 1.0, 1.0) == measure(portrait(), AREA, 1.0, 1.0)


def test_the_size_is_that_of_the_shorter_side_on_disk_and_as_it_was_used() -> None:
    found = measure(portrait(), {"x": 50, "y": 100, "w": 55, "h": 70}, 1.0, 4.0)

    assert (found.face_size, found.face_size_used) == (220, 55)
    (warning,) = (text for text in found.warnings() if "pixels" in text)
    assert "crop it around the face" in warning


def test_a_small_face_warns_and_one_at_the_limit_does_not() -> None:
    small, enough = (
        measure(portrait(), {"x": 50, "y": 100, "w": side, "h": side}, 1.0, 1.0)
        for side in (SMALLEST_FACE - 1, SMALLEST_FACE)
    )

    assert any("face of 59 pixels" in text for text in small.warnings())
    assert not any("pixels" in text for text in enough.warnings())


def test_without_a_detector_the_whole_photo_is_the_face() -> None:
    found = measure(portrait(), None, None, 1.0)

    assert (found.face_size, found.confidence, found.roll, found.yaw) == (300, None, None, None)


def test_a_box_beyond_the_edge_is_cut_off() -> None:
    found = measure(portrait(), {"x": -10, "y": 390, "w": 100, "h": 100}, 1.0, 1.0)

    assert found.face_size == 10


@pytest.mark.parametrize(
    ("left_eye", "roll"), [((150, 200), 0.0), ((150, 250), 45.0), ((100, 150), -90.0)]
)
def test_the_roll_is_the_angle_of_the_line_through_the_eyes(
    left_eye: tuple[int, int], roll: float
) -> None:
    eyes = {"right_eye": (100, 200), "left_eye": left_eye}

    found = measure(portrait(), AREA | eyes, 1.0, 1.0)

    assert found.roll == pytest.approx(roll)
    assert found.yaw is None
    assert any("tilted" in text for text in found.warnings()) == (abs(roll) > LARGEST_ROLL)


@pytest.mark.parametrize(
    ("nose", "yaw"),
    [((140, 260), 0.0), ((180, 260), 0.5), ((120, 260), -0.25), ((119, 260), -0.2625)],
)
def test_the_yaw_is_how_far_the_nose_is_from_between_the_eyes(
    nose: tuple[int, int], yaw: float
) -> None:
    landmarks = {"right_eye": (100, 200), "left_eye": (180, 200), "nose": nose}

    found = measure(portrait(), AREA | landmarks, 1.0, 1.0)

    assert found.yaw == pytest.approx(yaw)
    assert any("turned aside" in text for text in found.warnings()) == (abs(yaw) > LARGEST_YAW)


def test_a_tilted_head_is_not_taken_for_a_turned_one() -> None:
    # The nose is below the middle of the eyes, at a right angle to their line.
    landmarks = {"right_eye": (100, 200), "left_eye": (160, 230), "nose": (110, 255)}

    assert measure(portrait(), AREA | landmarks, 1.0, 1.0).yaw == pytest.approx(0.0)


def test_missing_landmarks_give_no_pose() -> None:
    half = {"left_eye": None, "right_eye": (100, 200), "nose": (1, 1)}
    same = {"left_eye": (100, 200), "right_eye": (100, 200), "nose": (1, 1)}

    for landmarks in (half, same):
        found = measure(portrait(), AREA | landmarks, 1.0, 1.0)
        assert (found.roll, found.yaw) == (None, None)


def test_an_unsure_detector_warns() -> None:
    (warning,) = measure(portrait(), AREA, LEAST_CONFIDENCE - 0.01, 1.0).warnings()

    assert "0.49" in warning


def test_a_blurred_and_a_shrunk_photo_of_a_real_face_warn_and_the_good_one_does_not(
    samples: Samples, dlib_embedder: PhotoEmbedder, tmp_path: Path
) -> None:
    original = samples.enroll / "obama" / "obama.jpg"
    with Image.open(original) as image:
        image.filter(ImageFilter.GaussianBlur(8)).save(tmp_path / "blurred.png")
        image.resize((image.width // 5, image.height // 5)).save(tmp_path / "small.png")

    good, blurred, small = (
        dlib_embedder.examine(path).quality
        for path in (original, tmp_path / "blurred.png", tmp_path / "small.png")
    )

    assert good.warnings() == ()
    assert good.roll is not None and abs(good.roll) < LARGEST_ROLL
    assert good.face_size >= good.face_size_used > 4 * small.face_size
    assert blurred.sharpness < good.sharpness / 10
    assert any(text.startswith("blurred") for text in blurred.warnings())
    assert any("pixels, below" in text for text in small.warnings())


def test_measuring_leaves_the_embedding_as_it_was(
    samples: Samples, dlib_embedder: PhotoEmbedder
) -> None:
    photo = samples.enroll / "obama" / "obama.jpg"

    np.testing.assert_array_equal(
        dlib_embedder.examine(photo).embedding, dlib_embedder.embed(photo)
    )


def test_without_a_detector_a_photo_is_measured_whole(tmp_path: Path, deepface_home: Path) -> None:
    Image.fromarray(portrait()).resize((600, 2048)).save(tmp_path / "tall.png")

    found = PhotoEmbedder("Dlib", "skip", download=False).examine(tmp_path / "tall.png").quality

    assert (found.face_size, found.face_size_used) == (600, 300)
    assert (found.confidence, found.roll, found.yaw) == (None, None, None)

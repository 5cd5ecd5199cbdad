"""Frames and names drawn into photos."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gallery.client.photos import drawing
from gallery.client.photos.drawing import LONGEST_DRAWN, DrawnFrame, draw_frames
from gallery.client.photos.faces import FaceBox

LIME = np.array([0, 255, 0])


def drawn(picture: Image.Image, *frames: DrawnFrame) -> np.ndarray:
    return np.asarray(draw_frames(picture, frames))


def test_a_frame_lies_around_its_face_and_the_name_above() -> None:
    grey = Image.new("RGB", (300, 200), "grey")

    pixels = drawn(grey, DrawnFrame(FaceBox(100, 80, 60, 50), "Ada 0.02", "lime"))

    for row, column in ((80, 130), (129, 130), (100, 100), (100, 159)):
        np.testing.assert_array_equal(pixels[row, column], LIME)
    np.testing.assert_array_equal(pixels[105, 130], [128, 128, 128])
    assert (pixels[60:79, 100:170] == LIME).all(axis=2).any()
    assert (pixels[:, 200:] == 128).all()
    assert np.asarray(grey).min() == 128  # the photo itself is as it was


@pytest.mark.parametrize(
    "box", [FaceBox(0, 0, 20, 20), FaceBox(280, 0, 20, 200), FaceBox(0, 199, 300, 1), None]
)
def test_text_stays_within_the_photo_at_its_edges(box: FaceBox | None) -> None:
    pixels = drawn(
        Image.new("RGB", (300, 200), "white"), DrawnFrame(box, "Ada Lovelace 0.1234", "red")
    )

    assert pixels.shape == (200, 300, 3)
    black = np.argwhere(pixels[:, :, 0] < 128)
    assert len(black) > 20 or box == FaceBox(0, 199, 300, 1)
    assert np.ptp(black[:, 1]) > 80 or not len(black)


def test_a_long_name_is_cut_and_its_ending_is_not() -> None:
    white, box = Image.new("RGB", (300, 200), "white"), FaceBox(100, 80, 60, 50)

    some, more, other = (
        drawn(white, DrawnFrame(box, "n" * length, "red", ending))
        for length, ending in ((50, " 0.1234"), (1000, " 0.1234"), (1000, " 0.9876"))
    )

    np.testing.assert_array_equal(some, more)
    assert (more != other).any()
    coloured = np.flatnonzero((more[60:79] != 255).any(axis=(0, 2)))
    assert 280 < np.ptp(coloured) < 300


def test_a_large_photo_is_drawn_smaller_with_its_frame_in_place() -> None:
    large = Image.new("RGB", (LONGEST_DRAWN * 2, 1000), "grey")

    pixels = drawn(large, DrawnFrame(FaceBox(2000, 400, 400, 200), "", "lime"))

    assert pixels.shape == (500, LONGEST_DRAWN, 3)
    np.testing.assert_array_equal(pixels[250, 1000], LIME)
    np.testing.assert_array_equal(pixels[250, 1199], LIME)


def test_characters_that_no_font_has_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "_FONTS", ("no-such-font.ttf",))
    drawing.fonts_of.cache_clear()
    try:
        _, text = drawing.lettering("Åsa Núñez 大", 20)
    finally:
        drawing.fonts_of.cache_clear()

    assert text == "Asa Nunez ?"


def test_a_font_of_the_system_is_taken_where_it_has_more_characters() -> None:
    font, text = drawing.lettering("Åsa", 20)

    if len(drawing.fonts_of(20)) == 1:
        pytest.skip("no other font is on this system")
    assert text == "Åsa"
    assert font is not drawing.fonts_of(20)[0]

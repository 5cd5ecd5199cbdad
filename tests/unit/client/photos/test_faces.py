"""Boxes of faces, and which of several faces are meant."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gallery.client.photos.embedder import PhotoEmbedder
from gallery.client.photos.faces import EmbeddedFace, FaceBox, check_selection, largest_of, rival_of
from gallery.client.photos.quality import FaceQuality
from gallery.demo.samples import Samples
from gallery.errors import SeveralFacesError
from gallery.hints import Hint
from tests.support.composites import composite, nearly
from tests.support.photos import LondonPerson

_QUALITY = FaceQuality(100, 100, 1.0, 0.1, 200, 0.0, None)


def face(*sides: int) -> EmbeddedFace:
    return EmbeddedFace(np.ones(2), _QUALITY, FaceBox(*sides) if sides else None)


@given(
    st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
    st.floats(1, 20),
    st.tuples(*[st.integers(-50, 1200)] * 4),
)
def test_a_scaled_box_lies_within_its_photo(
    limits: tuple[int, int], scale: float, sides: tuple[int, int, int, int]
) -> None:
    box = FaceBox(*sides).scaled(scale, limits)

    assert 0 <= box.left < box.right <= limits[0]
    assert 0 <= box.top < box.bottom <= limits[1]


def test_a_box_is_scaled_to_the_size_of_its_source() -> None:
    box = FaceBox(10, 20, 30, 40).scaled(2.5, (1000, 1000))

    assert box == FaceBox(25, 50, 75, 100)
    assert (box.right, box.bottom, box.size, box.area) == (100, 150, 75, 7500)


def test_the_largest_face_is_told_of_its_rival() -> None:
    small, large, half = face(0, 0, 40, 40), face(90, 0, 100, 100), face(200, 0, 50, 60)

    assert largest_of([small, large, half]) is large
    assert rival_of(large, [small, large, half]) == half.box
    assert rival_of(large, [small, large]) is None
    assert rival_of(large, [large]) is None
    assert rival_of(face(), [face()]) is None


@pytest.mark.parametrize("selection", ["All", "larges", "", None, True])
def test_no_other_word_is_taken_for_a_choice_of_faces(selection: object) -> None:
    with pytest.raises(ValueError, match="faces are 'one', 'largest' or 'all', not"):
        check_selection(selection)
    with pytest.raises(ValueError, match="faces are 'one' or 'largest', not 'all'"):
        check_selection("all", ("one", "largest"))


@pytest.mark.photos
def test_each_face_of_a_photo_is_found_where_it_lies(
    london: list[LondonPerson], dlib_embedder: PhotoEmbedder
) -> None:
    photos = [london[3].neutral, london[40].smiling, london[77].neutral]
    # 2,400 pixels wide, so that it is shrunk before its faces are looked for.
    shown = composite(photos, columns=3, scale=2.0)
    alone = [dlib_embedder.examine(path) for path in photos]

    found = dlib_embedder.faces(shown.picture)

    for number, (single, one) in enumerate(zip(alone, found, strict=True)):
        assert nearly(shown.placed(single.box, number), one.box)
        distances = [float(((one.embedding - other.embedding) ** 2).sum()) for other in alone]
        assert int(np.argmin(distances)) == number
        assert distances[number] < 0.2
        assert one.quality.confidence is not None


@pytest.mark.photos
def test_one_or_the_largest_or_all_of_several_faces_are_taken(
    london: list[LondonPerson], dlib_embedder: PhotoEmbedder
) -> None:
    both = composite([london[3].neutral, london[40].smiling], columns=2).picture
    # The second person at two thirds of the size.
    nearer = both.copy()
    nearer.paste("grey", (400, 0, 800, 400))
    nearer.paste(both.crop((400, 0, 800, 400)).resize((260, 260)), (440, 100))

    with pytest.raises(SeveralFacesError, match=r"2 faces .* where there must be one") as several:
        dlib_embedder.select(nearer)
    assert several.value.hint is Hint.CHOOSE_FACES
    with pytest.raises(SeveralFacesError) as alone:
        dlib_embedder.examine(nearer)
    assert alone.value.hint is None

    left, right = dlib_embedder.select(nearer, "all")
    (largest,) = dlib_embedder.select(nearer, "largest")
    assert largest.box == left.box
    assert right.box is not None
    assert largest.quality.rival == right.box.size
    assert largest.quality.warnings() == (
        f"another face has {right.box.size} pixels, this one, the largest, "
        f"{largest.quality.face_size}",
    )


@pytest.mark.photos
def test_a_photo_without_a_face_gives_none(samples: Samples, dlib_embedder: PhotoEmbedder) -> None:
    assert dlib_embedder.faces(samples.no_face) == ()


@pytest.mark.photos
def test_boxes_are_those_of_the_photo_turned_upright(
    london: list[LondonPerson], dlib_embedder: PhotoEmbedder
) -> None:
    with Image.open(london[3].neutral) as image:
        upright = image.convert("RGB").crop((40, 0, 400, 400))
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    upright.transpose(Image.Transpose.ROTATE_90).save(file, "PNG", exif=exif)

    turned, straight = dlib_embedder.examine(file.getvalue()), dlib_embedder.examine(upright)

    assert turned.box == straight.box


@pytest.mark.photos
def test_without_a_detector_there_is_no_box(deepface_home: object) -> None:
    embedder = PhotoEmbedder("Dlib", "skip", download=False)

    (found,) = embedder.faces(np.full((90, 60, 3), 128, dtype=np.uint8))

    assert found.box is None

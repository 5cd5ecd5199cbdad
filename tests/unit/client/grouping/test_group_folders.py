"""Pictures of unknown faces: which part of a photo, in which folder, and under which name."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gallery.client import (
    GroupFolders,
    UnknownFace,
    UnknownFaces,
    find_photos,
    find_probe_photos,
)
from gallery.client.photos.faces import FaceBox
from gallery.client.photos.quality import FaceQuality
from gallery.errors import SourceError, UnreadablePhotoError

QUALITY = FaceQuality(100, 100, 1.0, 0.1, 200, 0.0, None)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photo of 600 by 300 pixels; each pixel's red value tells its column, green its row."""
    rows, columns = np.mgrid[:300, :600]
    pixels = np.stack([columns * 255 // 600, rows * 255 // 300, np.zeros_like(rows)], axis=2)
    Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def face(path: Path, number: int, box: FaceBox | None, *neighbours: FaceBox) -> UnknownFace:
    return UnknownFace(path, number, box, neighbours, QUALITY)


def unknown(*groups: tuple[UnknownFace, ...], alone: tuple[UnknownFace, ...] = ()) -> UnknownFaces:
    return UnknownFaces(groups, alone, 0, (), ())


def test_each_face_lies_in_the_folder_of_its_group(photo: Path, tmp_path: Path) -> None:
    boxes = [FaceBox(left, 100, 60, 60) for left in (50, 250, 450)]
    first, second, third = (face(photo, number, box) for number, box in enumerate(boxes, start=1))

    written = GroupFolders(tmp_path / "out").write(unknown((first, third), alone=(second,)))

    assert [(item.face.number, item.group, item.picture.name) for item in written] == [
        (1, "unknown 1", "photo face 1.jpg"),
        (2, "alone", "photo face 2.jpg"),
        (3, "unknown 1", "photo face 3.jpg"),
    ]
    assert all(item.picture.parent == tmp_path / "out" / item.group for item in written)


def test_a_picture_has_a_name_that_every_system_takes(photo: Path, tmp_path: Path) -> None:
    long = photo.rename(tmp_path / f"a\n{'x' * 245}.png")

    (written,) = GroupFolders(tmp_path / "out").write(unknown(alone=(face(long, 1, None),)))

    assert written.picture.name == f"a_{'x' * 78} face 1.jpg"


def test_a_picture_shows_the_face_and_some_of_its_surroundings(photo: Path, tmp_path: Path) -> None:
    (written,) = GroupFolders(tmp_path / "out").write(
        unknown(alone=(face(photo, 1, FaceBox(250, 100, 100, 80)),))
    )

    with Image.open(written.picture) as image:
        assert image.size == (220, 176)
        red, green, _ = np.asarray(image)[88, 110]
    assert (abs(red - 300 * 255 / 600), abs(green - 140 * 255 / 300)) < (4, 4)


def test_a_picture_shows_no_other_faces_middle(photo: Path, tmp_path: Path) -> None:
    box, neighbour = FaceBox(200, 100, 100, 100), FaceBox(290, 100, 80, 80)

    (written,) = GroupFolders(tmp_path / "out").write(
        unknown(alone=(face(photo, 1, box, neighbour),))
    )

    with Image.open(written.picture) as image:
        assert image.width == 150  # a quarter of the face on each side


def test_a_large_photo_is_cut_where_its_face_is(tmp_path: Path) -> None:
    pixels = np.zeros((1000, 4000, 3), np.uint8)
    pixels[400:600, 3000:3200] = 255
    Image.fromarray(pixels).save(tmp_path / "large.png")

    (written,) = GroupFolders(tmp_path / "out").write(
        unknown(alone=(face(tmp_path / "large.png", 1, FaceBox(3000, 400, 200, 200)),))
    )

    with Image.open(written.picture) as image:
        seen = np.asarray(image.convert("L")) > 128
    white = seen.mean()
    assert 0.15 < white < 0.3
    assert seen[seen.shape[0] // 2, seen.shape[1] // 2]


def test_without_a_detector_all_of_a_photo_is_the_face(photo: Path, tmp_path: Path) -> None:
    (written,) = GroupFolders(tmp_path / "out").write(unknown(alone=(face(photo, 1, None),)))

    with Image.open(written.picture) as image:
        assert image.size == (600, 300)


def test_photos_of_one_name_do_not_hide_each_other(photo: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere/photo.png"
    other.parent.mkdir()
    shutil.copy(photo, other)
    faces = (face(photo, 1, None), face(other, 1, None))

    written = GroupFolders(tmp_path / "out").write(unknown(faces))

    assert sorted(item.picture.name for item in written) == [
        "photo face 1 (2).jpg",
        "photo face 1.jpg",
    ]


def test_only_groups_with_a_name_are_enrolled(photo: Path, tmp_path: Path) -> None:
    groups = [(face(photo, number, None), face(photo, number, None)) for number in range(1, 12)]
    out = tmp_path / "out"
    GroupFolders(out).write(unknown(*groups, alone=(face(photo, 12, None),)))

    with pytest.raises(SourceError, match="holds no photos"):
        find_photos(out)
    (out / "unknown 01").rename(out / "Ada")
    (out / "unknown 11").rename(out / "unknown 11 from Paris")

    assert {item.label for item in find_photos(out)} == {"Ada", "unknown 11 from Paris"}


def test_a_folder_that_holds_something_is_left_as_it_is(photo: Path) -> None:
    with pytest.raises(SourceError, match="holds something already"):
        GroupFolders(photo.parent)
    with pytest.raises(SourceError, match="cannot be used"):
        GroupFolders(photo)


def test_a_photo_that_is_gone_is_named(photo: Path, tmp_path: Path) -> None:
    folders = GroupFolders(tmp_path / "out")
    with pytest.raises(UnreadablePhotoError, match=r"gone\.png"):
        folders.write(unknown(alone=(face(tmp_path / "gone.png", 1, None),)))
    assert len(find_probe_photos(tmp_path)) == 1


def test_a_sheet_of_each_group_shows_its_faces_framed_and_is_not_enrolled(
    tmp_path: Path,
) -> None:
    grey = Image.fromarray(np.full((300, 600, 3), 90, np.uint8))
    grey.save(tmp_path / os.fsdecode(b"caf\xe9.png"))
    (photo,) = tmp_path.iterdir()
    many = tuple(face(photo, 1, FaceBox(250, 100, 100, 80)) for _ in range(62))
    folders = GroupFolders(tmp_path / "out")

    folders.write(unknown(many, alone=(face(photo, 2, None),)))

    with Image.open(folders.overview("unknown 1")) as image:
        sheet = np.asarray(image.convert("RGB")).astype(int)
    red, green, blue = sheet[:, :, 0], sheet[:, :, 1], sheet[:, :, 2]
    lines = (green > 180) & (red < 120) & (blue < 120)
    cell = lines[40:200, 12:172]  # of the first thumbnail: 160 pixels wide, 128 high
    rows, columns = np.flatnonzero(cell.mean(axis=1) > 0.3), np.flatnonzero(cell.mean(axis=0) > 0.2)
    expected = (160 * 60 / 220, 160 * 160 / 220, 16 + 128 * 48 / 176, 16 + 128 * 128 / 176)
    np.testing.assert_allclose((columns[0], columns[-1], rows[0], rows[-1]), expected, atol=3)
    assert lines[-190:-28, 12:172].any(), "the tenth row has a thumbnail"
    assert folders.overview("alone").stat().st_mode & 0o777 == 0o600
    (tmp_path / "out/unknown 1").rename(tmp_path / "out/Ada")
    assert {item.label for item in find_photos(tmp_path / "out")} == {"Ada"}

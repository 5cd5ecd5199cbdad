"""Composites: pictures of several people, made of photos of one each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from gallery.client.photos.faces import FaceBox


@dataclass(frozen=True, eq=False)
class Composite:
    """A picture of several photos, side by side in rows.

    Attributes
    ----------
    picture
        In mode RGB.
    corners
        Left and top of each photo in it.
    scale
        How many times larger the photos are in it.
    """

    picture: Image.Image
    corners: tuple[tuple[int, int], ...]
    scale: float

    def placed(self, box: FaceBox | None, photo: int) -> FaceBox:
        """Return where a face of one of the photos, found in that alone, lies in the picture."""
        assert box is not None
        left, top = self.corners[photo]
        sides = (round(side * self.scale) for side in (box.left, box.top, box.width, box.height))
        across, down, width, height = sides
        return FaceBox(left + across, top + down, width, height)


def composite(photos: Sequence[Path], columns: int, scale: float = 1.0) -> Composite:
    """Put photos side by side, so many in a row, on a grey ground."""
    pictures = []
    for path in photos:
        with Image.open(path) as image:
            size = round(image.width * scale), round(image.height * scale)
            pictures.append(image.convert("RGB").resize(size))
    width, height = (max(picture.size[side] for picture in pictures) for side in (0, 1))
    rows = -(-len(pictures) // columns)
    whole = Image.new("RGB", (width * min(columns, len(pictures)), height * rows), "grey")
    corners = []
    for number, picture in enumerate(pictures):
        corner = width * (number % columns), height * (number // columns)
        whole.paste(picture, corner)
        corners.append(corner)
    return Composite(whole, tuple(corners), scale)


def nearly(one: FaceBox, other: FaceBox | None, share: float = 0.1) -> bool:
    """Whether all sides of two boxes lie within a share of the first one's size of each other."""
    assert other is not None
    sides = ("left", "top", "right", "bottom")
    apart = max(abs(getattr(one, side) - getattr(other, side)) for side in sides)
    return apart <= share * one.size

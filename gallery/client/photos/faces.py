"""Faces in a photo: where each lies, its embedding and quality, and which of several are meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from gallery.arrays import Floats
from gallery.client.photos.quality import FaceQuality
from gallery.errors import GalleryError

FaceSelection = Literal["one", "largest", "all"]
"""The choice of faces of a photo.

``one`` wants exactly one, ``largest`` takes the one with the largest box, ``all`` takes each.
"""

FACE_SELECTIONS: Final[tuple[FaceSelection, ...]] = ("one", "largest", "all")
"""All of them, the default first."""

RIVAL: Final = 0.5
"""Of the largest face's size: a second face of at least so much makes it doubtful who was meant."""


@dataclass(frozen=True)
class FaceBox:
    """The box of a face, in pixels of the upright photo, at the size that its source has.

    A photo that an orientation tag turns is upright once it is turned, and sizes are those before
    it is shrunk for the detector.

    Attributes
    ----------
    left, top
        The first column and row, at least 0.
    width, height
        How many columns and rows, at least 1; the box lies within the photo.
    """

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column after it."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """The first row after it."""
        return self.top + self.height

    @property
    def size(self) -> int:
        """The shorter side."""
        return min(self.width, self.height)

    @property
    def area(self) -> int:
        """The number of its pixels."""
        return self.width * self.height

    def scaled(self, scale: float, limits: tuple[int, int]) -> FaceBox:
        """Return the box with sides `scale` times as long, cut to a photo of this width and height.

        Parameters
        ----------
        scale
            How many times longer the sides of the other photo are, at least 1.
        limits
            Its width and height, each at least 1.
        """
        across, down = limits
        left = min(max(0, round(self.left * scale)), across - 1)
        top = min(max(0, round(self.top * scale)), down - 1)
        right = min(max(left + 1, round(self.right * scale)), across)
        bottom = min(max(top + 1, round(self.bottom * scale)), down)
        return FaceBox(left, top, right - left, bottom - top)


@dataclass(frozen=True, eq=False)
class EmbeddedFace:
    """A face in a photo.

    Attributes
    ----------
    embedding
        As the model puts it out: float64, shape (dimension,), finite, not normalised.
    quality
        How fit the photo is for recognising the face, with the detector's confidence.
    box
        Where it lies; None with the detector ``skip``, which takes the whole photo for the face.
    """

    embedding: Floats
    quality: FaceQuality
    box: FaceBox | None


FaceOutcome = tuple[EmbeddedFace, ...] | GalleryError
"""The faces of a photo that are meant, or why there are none."""


def check_selection(selection: object, allowed: Sequence[FaceSelection] = FACE_SELECTIONS) -> None:
    """Refuse what names no choice of faces (`ValueError`), or none of those that are allowed."""
    if selection not in allowed:
        choices = ", ".join(map(repr, allowed[:-1]))
        raise ValueError(f"faces are {choices} or {allowed[-1]!r}, not {selection!r}")


def largest_of(faces: Sequence[EmbeddedFace]) -> EmbeddedFace:
    """Return the face with the largest box, the first of several of one size."""
    return max(faces, key=_area)


def rival_of(face: EmbeddedFace, faces: Sequence[EmbeddedFace]) -> FaceBox | None:
    """Return the box of the largest other face that has at least `RIVAL` of a face's size."""
    others = [other.box for other in faces if other is not face and other.box is not None]
    if face.box is None or not others:
        return None
    second = max(others, key=lambda box: box.area)
    return second if second.size >= RIVAL * face.box.size else None


def _area(face: EmbeddedFace) -> int:
    return 0 if face.box is None else face.box.area

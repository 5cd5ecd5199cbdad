"""The quality of a photo for recognising a face: figures, and the limits below which they warn.

Everything is measured on the owner's machine and stays there. A photo beyond a limit is enrolled
all the same: whether it is good enough is for its owner to say.

The limits were set with model and detector Dlib on photos of four people of the London set and on
the sample photos, by how far spoiling a photo moves its embedding: two good photos of one person of
that set lie a squared distance of 0.05 apart, 95% below 0.105. With other models the limits tell
what to look at first, not where recognition ends.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gallery.client.photos.preprocessing import LONGEST_SIDE

SMALLEST_FACE: Final = 60
"""Pixels of the shorter side of a face's box, as the model gets it. At 62 embeddings had moved by
0.02 to 0.06, at 52 by 0.12, at 43 by up to 0.24, and below 36 no face was found. Passport photos
have four times as many: ISO/IEC 19794-5 wants 90 between the eyes, whose distance is 0.38 of the
box."""

LEAST_CONFIDENCE: Final = 0.5
"""Of DeepFace's scale from 0 to 1. dlib gave 1.0 for everything but heavily blurred faces (down
to 0.33). Detectors with a limit of their own never fall below it: retinaface and yunet stop at
0.9. What DeepFace gives for opencv (0.92 to 0.95 on all samples) says nothing and never warns."""

LEAST_SHARPNESS: Final = 0.01
"""Sharp faces had 0.07 to 0.28, and 0.02 to 0.05 at `SMALLEST_FACE`; blurred by a Gaussian of 1/77
of the box 0.004 to 0.01 (embeddings moved by 0.04 to 0.10), of 1/38 0.002 to 0.004 (0.12 to 0.24).
"""

FEWEST_GREY_LEVELS: Final = 64
"""Half of the 128 values that ISO/IEC 19794-5 wants in the face of a passport photo. Good photos
had at least 151; darkened until they had 32 to 36, embeddings moved by 0.08 to 0.15."""

LARGEST_ROLL: Final = 15.0
"""Degrees. Alignment turns faces level again, so that more is borne than the 8 degrees of ISO/IEC
19794-5; a larger angle often means that an eye was found where there is none."""

LARGEST_YAW: Final = 0.25
"""Of the distance between the eyes. A nose whose tip lies 0.4 of that distance before the eyes is
moved so far by turning the head by about 30 degrees."""

_CROP_SIDE: Final = 128
"""Faces are scaled to a square of this side before their sharpness is measured, near what the
models take (112 to 224 pixels), so that blur too fine for them does not count."""

Area = Mapping[str, Any]
"""A face as DeepFace describes it: box ``x``, ``y``, ``w``, ``h``, landmarks such as ``left_eye``.
"""


class Flaw(StrEnum):
    """A flaw of a face in a photo; `FaceQuality.warnings` words it with its figure.

    ``SMALL`` as it is on disk, ``SHRUNK`` once the photo was made smaller; ``UNSURE`` whether it is
    a face; ``BLURRED``; ``FLAT`` for too dark, too bright, or without contrast; ``TILTED`` to a
    shoulder; ``ASIDE`` for a head that is turned; ``TURNED`` for a photo that is; ``RIVALLED`` by
    another face that is nearly as large.
    """

    SMALL = "small"
    SHRUNK = "shrunk"
    UNSURE = "unsure"
    BLURRED = "blurred"
    FLAT = "flat"
    TILTED = "tilted"
    ASIDE = "aside"
    TURNED = "turned"
    RIVALLED = "rivalled"


@dataclass(frozen=True)
class FaceQuality:
    """The measurements of a face in a photo.

    Attributes
    ----------
    face_size
        Shorter side of the face's box, in pixels of the photo as it is on disk.
    face_size_used
        The same in pixels of the photo as it was embedded, see `LONGEST_SIDE`; at most as many.
    confidence
        How sure the detector is, 0 to 1 as DeepFace gives it; None without a detector.
    sharpness
        Variance of the Laplacian of the grey face, divided by the variance of its grey values, so
        that dim light does not count as blur; 0 for a face without any contrast.
    grey_levels
        Number of different grey values in the face, 1 to 256.
    roll
        Degrees by which the line through the eyes is turned, positive clockwise as one sees it;
        None where the detector found no eyes.
    yaw
        How far the tip of the nose lies from half-way between the eyes, along their line, in
        distances between them: 0 from the front, 0.5 below one eye. None without a nose, which
        only the detector retinaface gives.
    turn
        By how many degrees clockwise the photo has to be turned to show a larger face; None where
        there is none, or none was looked for because nothing else is beyond its limit.
    rival
        Where the largest of several faces was chosen: shorter side of the largest other one, in
        pixels of the photo as it is on disk, if that is at least half of the chosen one's.
    """

    face_size: int
    face_size_used: int
    confidence: float | None
    sharpness: float
    grey_levels: int
    roll: float | None
    yaw: float | None
    turn: int | None = None
    rival: int | None = None

    def flaws(self) -> tuple[Flaw, ...]:
        """Return the flaws, by figures beyond their limits; empty for a good photo."""
        is_small = self.face_size_used < SMALLEST_FACE
        confidence, roll, yaw = self.confidence, self.roll, self.yaw
        found = {
            Flaw.SMALL: is_small and self.face_size < SMALLEST_FACE,
            Flaw.SHRUNK: is_small and self.face_size >= SMALLEST_FACE,
            Flaw.UNSURE: confidence is not None and confidence < LEAST_CONFIDENCE,
            Flaw.BLURRED: self.sharpness < LEAST_SHARPNESS,
            Flaw.FLAT: self.grey_levels < FEWEST_GREY_LEVELS,
            Flaw.TILTED: roll is not None and abs(roll) > LARGEST_ROLL,
            Flaw.ASIDE: yaw is not None and abs(yaw) > LARGEST_YAW,
            Flaw.TURNED: self.turn is not None,
            Flaw.RIVALLED: self.rival is not None,
        }
        return tuple(flaw for flaw, is_there in found.items() if is_there)

    def warnings(self) -> tuple[str, ...]:
        """Return the flaws in words, a phrase with its figure each; empty for a good photo."""
        return tuple(map(self._told, self.flaws()))

    def _told(self, flaw: Flaw) -> str:
        advice = "crop it around the face"
        small = f"too small: face of {self.face_size_used} pixels, below {SMALLEST_FACE}"
        match flaw:
            case Flaw.SMALL:
                return small
            case Flaw.SHRUNK:
                return f"{small} after the photo was shrunk to {LONGEST_SIDE}: {advice}"
            case Flaw.UNSURE:
                return (
                    f"hardly a face: detector confidence {self.confidence:.2f}, "
                    f"below {LEAST_CONFIDENCE}"
                )
            case Flaw.BLURRED:
                return f"blurred: sharpness {self.sharpness:.4f}, below {LEAST_SHARPNESS}"
            case Flaw.FLAT:
                return (
                    f"too dark, bright or flat: {self.grey_levels} grey levels, "
                    f"below {FEWEST_GREY_LEVELS}"
                )
            case Flaw.TILTED:
                return f"tilted by {abs(self.roll or 0):.0f} degrees, above {LARGEST_ROLL:g}"
            case Flaw.ASIDE:
                return f"turned aside: yaw {abs(self.yaw or 0):.2f}, above {LARGEST_YAW}"
            case Flaw.TURNED:
                return (
                    f"a larger face is there when the photo is turned by {self.turn} degrees "
                    "clockwise: turn it and save it"
                )
            case Flaw.RIVALLED:
                return (
                    f"another face has {self.rival} pixels, this one, the largest, {self.face_size}"
                )


def measure(
    pixels: npt.NDArray[np.uint8], area: Area | None, confidence: float | None, reduction: float
) -> FaceQuality:
    """Measure the face in a photo.

    Parameters
    ----------
    pixels
        uint8, shape (height, width, 3), in the order blue, green, red.
    area
        Where the face is, in these pixels; None where the whole photo counts as the face.
    confidence
        The detector's, or None without one.
    reduction
        How many times longer the sides of the photo on disk are.

    Notes
    -----
    The variance of the Laplacian is the operator LAP4 of Pertuz, Puig and Garcia, *Analysis of
    focus measure operators for shape-from-focus*, Pattern Recognition 46(5), 2013, after
    Pech-Pacheco et al., ICPR 2000; here on the upright box, because turning it level blurs too.
    """
    grey = _grey(_crop(pixels, area))
    used = min(grey.shape)
    roll, yaw = _pose(area or {})
    return FaceQuality(
        face_size=round(used * reduction),
        face_size_used=used,
        confidence=confidence,
        sharpness=_sharpness(grey),
        grey_levels=int(np.count_nonzero(np.bincount(grey.ravel()))),
        roll=roll,
        yaw=yaw,
    )


def _crop(pixels: npt.NDArray[np.uint8], area: Area | None) -> npt.NDArray[np.uint8]:
    if area is None:
        return pixels
    height, width = pixels.shape[:2]
    left, top = min(max(0, area["x"]), width - 1), min(max(0, area["y"]), height - 1)
    return pixels[top : top + max(1, area["h"]), left : left + max(1, area["w"])]


def _grey(face: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    # Pillow is as optional as DeepFace, and this module's limits are read without either.
    from PIL import Image

    return np.asarray(Image.fromarray(np.ascontiguousarray(face[:, :, ::-1])).convert("L"))


def _sharpness(grey: npt.NDArray[np.uint8]) -> float:
    from PIL import Image

    # At one size, so that the figures of small and large faces can be compared.
    side = (_CROP_SIDE, _CROP_SIDE)
    scaled = Image.fromarray(grey).resize(side, Image.Resampling.BILINEAR)
    values = np.asarray(scaled, dtype=np.float64)
    # The border is left out, since it lacks neighbours.
    inner = values[1:-1, 1:-1]
    around = values[:-2, 1:-1] + values[2:, 1:-1] + values[1:-1, :-2] + values[1:-1, 2:]
    contrast = values.var()
    return float((around - 4.0 * inner).var() / contrast) if contrast else 0.0


def _pose(area: Area) -> tuple[float | None, float | None]:
    """Return roll and yaw. DeepFace's left eye is the person's, so it is on the right as seen."""
    right, left = area.get("right_eye"), area.get("left_eye")
    if right is None or left is None or tuple(right) == tuple(left):
        return None, None
    across, down = left[0] - right[0], left[1] - right[1]
    roll = math.degrees(math.atan2(down, across))
    nose = area.get("nose")
    if nose is None:
        return roll, None
    # From the middle of the eyes to the nose, projected on the line through the eyes.
    aside = (nose[0] - (left[0] + right[0]) / 2, nose[1] - (left[1] + right[1]) / 2)
    return roll, (aside[0] * across + aside[1] * down) / (across**2 + down**2)

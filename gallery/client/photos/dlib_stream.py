"""dlib's serialisation, as far as its face detector's file goes: numbers, matrices, filters.

dlib offers no way to read a detector's weights but to save it. Whole numbers are a byte that holds
the sign and how many bytes follow, the lowest first; numbers with a fraction are two whole ones,
mantissa and binary exponent (``serialize.h`` and ``float_details.h`` of dlib 20).
"""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from gallery.arrays import Floats

_SIGN: Final = 0x80
_SIZE: Final = 0x0F


class UnknownStreamError(ValueError):
    """A detector's file is not of the form that is known."""


@dataclass(frozen=True, eq=False)
class DetectorWeights:
    """The filters that a detector of dlib compares a picture with.

    Attributes
    ----------
    cell
        Pixels of the side of a cell.
    window
        Width and height of what is looked for, in pixels of the level where it is found.
    smallest_level
        Width and height that a level of the pyramid has at least.
    overlap
        Two faces are one if the ratio of their intersection to what encloses both is larger than
        the first, or that to one of them larger than the second.
    filters
        Shape (filters, 31, rows, columns), in cells.
    biases
        What the sum of each must reach, shape (filters,).
    """

    cell: int
    window: tuple[int, int]
    smallest_level: tuple[int, int]
    overlap: tuple[float, float]
    filters: Floats
    biases: Floats


def weights_of(detector: Any) -> DetectorWeights:
    """Return the weights of one of dlib's detectors (`UnknownStreamError`).

    Parameters
    ----------
    detector
        A ``dlib.fhog_object_detector``.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "detector.svm"
        detector.save(str(path))
        return _read(_Stream(path.read_bytes()))


def _read(stream: _Stream) -> DetectorWeights:
    versions = stream.whole(), stream.whole()
    if versions != (2, 1):
        raise UnknownStreamError(f"versions {versions}")
    if (stream.whole(), stream.whole()) != (0, 0):
        raise UnknownStreamError("it holds an image")
    cell, padding = stream.whole(), stream.whole()
    window = stream.whole(), stream.whole()
    stream.whole()  # the most levels, far more than a picture has
    smallest = stream.whole(), stream.whole()
    stream.fraction()  # of training
    dimensions = stream.whole()
    overlap = stream.fraction(), stream.fraction()
    rows, columns = window[1] // cell, window[0] // cell
    if padding or dimensions != 31 * rows * columns:
        raise UnknownStreamError(f"padding {padding}, {dimensions} dimensions")
    vectors = np.stack([stream.matrix() for _ in range(stream.whole())])
    if vectors.shape[1] != dimensions + 1:
        raise UnknownStreamError(f"vectors of {vectors.shape[1]} values")
    filters = vectors[:, :-1].reshape(-1, 31, rows, columns)
    return DetectorWeights(cell, window, smallest, overlap, filters, vectors[:, -1])


class _Stream:
    """Bytes that are read from the front."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def whole(self) -> int:
        if self._at >= len(self._content):
            raise UnknownStreamError("it ends too early")
        control = self._content[self._at]
        end = self._at + 1 + (control & _SIZE)
        value = int.from_bytes(self._content[self._at + 1 : end], "little")
        self._at = end
        return -value if control & _SIGN else value

    def fraction(self) -> float:
        mantissa, exponent = self.whole(), self.whole()
        return math.ldexp(mantissa, exponent)

    def matrix(self) -> Floats:
        # Sizes are written as negative numbers, to tell them from an older form.
        count = self.whole() * self.whole()
        if not 0 < count < 10**6:
            raise UnknownStreamError(f"a matrix of {count} values")
        return np.array([self.fraction() for _ in range(count)])

"""A faster frontal face detector: dlib's faces, to the pixel, in a sixth of its time.

DeepFace hands dlib a photo with a black border half as wide as itself, and dlib doubles all of it.
This module computes what dlib computes of the part that is not black (`hog_pyramid`), with kernels
of its own (`hog_kernels`, `resizing_kernels`), and puts it together as dlib does. So a face has the
same box, to the pixel, and the same embedding. A picture of another kind goes to dlib itself.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gallery.arrays import Integers
from gallery.client.photos.dlib_stream import DetectorWeights, UnknownStreamError, weights_of
from gallery.client.photos.hog_features import features_of, histograms_of, scores_of
from gallery.client.photos.hog_kernels import CELL, PLANES, WINDOW
from gallery.client.photos.hog_pyramid import levels_of, nearest
from gallery.client.photos.resizing_kernels import Floats32

_Found = tuple[float, int, tuple[int, int, int, int]]
"""Score, number of the filter, and the box: left, top, right and bottom, all within it."""

_LEAST: Final = 1e-4
"""Of a filter's parts those are left out that weigh less, or less than a thousandth of the most."""


_NEARLY: Final = 1e-3
"""The largest difference of scores that were computed in another order; scores reach 3."""

_FAR_BELOW: Final = -1.0
"""A score that is reached by much that is no face."""


def quicken(client: Any) -> None:
    """Give DeepFace's client of dlib's detector a detector that finds the same faces sooner.

    It is left alone where that one would not find the same: another version of dlib may have other
    weights, and a processor with other instructions rounds in other places.

    Parameters
    ----------
    client
        What DeepFace made for the detector ``dlib``.
    """
    found = client.model["face_detector"]
    if isinstance(found, FrontalDetector):
        return
    try:
        quick = FrontalDetector(found)
    except UnknownStreamError:
        return
    if _agree(found, quick):
        client.model["face_detector"] = quick


class FrontalDetector:
    """dlib's frontal face detector, for pictures with a black border.

    Parameters
    ----------
    detector
        dlib's own, a ``dlib.fhog_object_detector``.

    Raises
    ------
    UnknownStreamError
        Its weights are not of the form that is known.

    Attributes
    ----------
    original
        dlib's own.
    """

    def __init__(self, detector: Any) -> None:
        self.original = detector
        self._weights = weights_of(detector)
        if (self._weights.cell, self._weights.filters.shape[1:]) != (
            CELL,
            (PLANES, WINDOW, WINDOW),
        ):
            raise UnknownStreamError("cells or windows have other sizes")
        self._biases = self._weights.biases.astype(np.float32)
        self._parts = _separable(self._weights)

    def run(
        self, image: npt.NDArray[np.uint8], upsample: int, least: float = 0.0
    ) -> tuple[Any, list[float], list[int]]:
        """Find faces, as dlib's method of this name does.

        Parameters
        ----------
        image
            uint8, shape (rows, columns, 3).
        upsample
            How often the picture is doubled first.
        least
            Smallest score of a face.

        Returns
        -------
        rectangles, list of float, list of int
            Boxes, scores, and which filter found each; the best first.
        """
        levels = levels_of(image, self._weights.smallest_level) if upsample == 1 else None
        if levels is None:
            found: tuple[Any, list[float], list[int]] = self.original.run(image, upsample, least)
            return found
        import dlib

        windows: list[_Found] = []
        planes, filters, across, down = self._parts
        for number, level in enumerate(levels):
            features = features_of(histograms_of(level.pixels))
            scores = scores_of(features, planes, filters, across, down, self._biases)
            for which, row, column in np.argwhere(scores >= least):
                place = _window(int(column) + level.left // CELL, int(row) + level.top // CELL)
                box = _on_level(place, number)
                windows.append((float(scores[which, row, column]), int(which), box))
        kept = self._without_overlaps(sorted(windows, reverse=True))
        boxes = dlib.rectangles()
        for _, _, box in kept:
            boxes.append(dlib.rectangle(*_halved(box)))
        return boxes, [score for score, _, _ in kept], [which for _, which, _ in kept]

    def _without_overlaps(self, windows: list[_Found]) -> list[_Found]:
        kept: list[_Found] = []
        for window in windows:
            if not any(self._overlap(window[2], other[2]) for other in kept):
                kept.append(window)
        return kept

    def _overlap(self, a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
        inner = _area(max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3]))
        if not inner:
            return False
        outer = _area(min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))
        of_both, of_one = self._weights.overlap
        return inner / outer > of_both or inner / min(_area(*a), _area(*b)) > of_one


def _agree(first: Any, second: FrontalDetector) -> bool:
    """Whether two detectors find the same in a drawn face, and in what looks like one far less."""
    drawn = _drawn_face()
    boxes, scores, filters = first.run(drawn, 1, _FAR_BELOW)
    others, other_scores, other_filters = second.run(drawn, 1, _FAR_BELOW)
    return (
        len(boxes) > 0
        and list(boxes) == list(others)
        and list(filters) == other_filters
        and bool(np.allclose(scores, other_scores, rtol=0, atol=_NEARLY))
    )


def _drawn_face() -> npt.NDArray[np.uint8]:
    """Return a picture of an oval with eyes and mouth in three colours, with a black border."""
    side = 96
    down, across = (np.mgrid[:side, :side] - side / 2) / (side / 2)
    picture = np.stack([90 + 40 * across, 110 + 40 * down, np.full_like(down, 100.0)], axis=2)
    face = (across / 0.62) ** 2 + (down / 0.8) ** 2 < 1
    picture[face] = 60 * picture[face] / 100 + (100, 80, 60)
    for x, y, wide, high in (
        (-0.26, -0.2, 0.14, 0.07),
        (0.26, -0.2, 0.14, 0.07),
        (0, 0.42, 0.25, 0.07),
    ):
        picture[((across - x) / wide) ** 2 + ((down - y) / high) ** 2 < 1] *= 0.3
    pixels = picture.clip(0, 255).astype(np.uint8)
    return np.pad(pixels, ((side // 2,) * 2, (side // 2,) * 2, (0, 0)))


def _separable(weights: DetectorWeights) -> tuple[Integers, Integers, Floats32, Floats32]:
    """Return the filters as sums of products of a column and a row, as `scores_of` takes them."""
    left, sizes, right = np.linalg.svd(weights.filters)
    limits = np.maximum(_LEAST, 1e-3 * sizes.max(axis=2, keepdims=True))
    filters, planes, parts = np.nonzero(sizes >= limits)
    weight = np.sqrt(sizes[filters, planes, parts])[:, np.newaxis]
    return (
        np.ascontiguousarray(planes),
        np.ascontiguousarray(filters),
        np.ascontiguousarray(right[filters, planes, parts] * weight, np.float32),
        np.ascontiguousarray(left[filters, planes, :, parts] * weight, np.float32),
    )


def _window(column: int, row: int) -> tuple[int, int, int, int]:
    """Return the pixels of the window whose first feature is here, as dlib says them."""
    # The first feature is of the second cell, and there are four empty ones before it.
    left, top = column - (WINDOW - 1) // 2 + 1, row - (WINDOW - 1) // 2 + 1
    return _pixel(left), _pixel(top), _pixel(left + WINDOW - 1), _pixel(top + WINDOW - 1)


def _pixel(cell: int) -> int:
    """Return the middle of a cell; where the cell begins before the picture, dlib goes back."""
    first = cell * CELL + 1
    return first + CELL // 2 if first >= 0 else first - CELL // 2


def _on_level(box: tuple[int, ...], level: int) -> tuple[int, int, int, int]:
    """Return a box of one level in pixels of the largest one."""
    left, top, right, bottom = (_raised(value, level) for value in box)
    return left, top, right, bottom


def _raised(value: float, level: int) -> int:
    for _ in range(level):
        value = value * (6 / 5.0) + 0.3
    return nearest(value)


def _halved(box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    left, top, right, bottom = box
    return (
        nearest(left / 2 - 1.25),
        nearest(top / 2 - 0.75),
        nearest(right / 2 - 1.25),
        nearest(bottom / 2 - 0.75),
    )


def _area(left: int, top: int, right: int, bottom: int) -> int:
    return max(0, right - left + 1) * max(0, bottom - top + 1)

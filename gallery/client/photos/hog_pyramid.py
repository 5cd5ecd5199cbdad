"""The image pyramid that dlib's face detector looks at, without the black border.

dlib doubles a picture, and then makes it smaller level by level, each 5/6 of the one before, to
find larger faces with windows of one size. DeepFace puts a black border around the picture first,
so that three quarters of what dlib looks at are black, where nothing is found. Here each level is
the part that shows the picture, with a few cells around it, at the place that it has in dlib's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gallery.arrays import Integers
from gallery.client.photos.hog_features import columns_of, resize, rows_of
from gallery.client.photos.hog_kernels import CELL

_AROUND: Final = 3
"""Black cells that are kept around a picture: windows are looked at of which the picture's edge
cuts seven of ten cells away, and dlib finds no face in less."""

_LEAST_BORDER: Final = 8
"""Pixels; next to the right edge of a picture dlib computes some values in another way."""

_OUTSIDE: Final = -2
"""A row of a picture that is black, as is the one after it."""


@dataclass(frozen=True, eq=False)
class Level:
    """One level of the pyramid.

    Attributes
    ----------
    pixels
        uint8, shape (3, rows, columns), planes first; a part of the level, the rest is black.
    top, left
        Where the part lies in the level.
    seen
        First and last row and column of the level that are not black.
    rows, columns
        Size of the whole level.
    """

    pixels: npt.NDArray[np.uint8]
    top: int
    left: int
    seen: tuple[int, int, int, int]
    rows: int
    columns: int


def levels_of(image: npt.NDArray[np.uint8], smallest: tuple[int, int]) -> Iterator[Level] | None:
    """Return the levels of a picture, the largest one first, twice as large as the picture.

    Parameters
    ----------
    image
        uint8, shape (rows, columns, 3).
    smallest
        Width and height that a level has at least.

    Returns
    -------
    iterator of Level, or None
        None for a picture without a black border all around.
    """
    frame = _frame(image)
    if frame is None:
        return None
    return _levels(image, frame, smallest)


def _frame(image: npt.NDArray[np.uint8]) -> tuple[int, int, int, int] | None:
    """Return first and last row and column that are not black, if enough is black around them."""
    rows, columns = image.shape[:2]
    lines = image.reshape(rows, -1)
    first, last = 0, rows - 1
    while first < rows and not lines[first].any():
        first += 1
    while last > first and not lines[last].any():
        last -= 1
    if first == rows:
        return None
    across = np.flatnonzero(lines[first : last + 1].any(axis=0))
    left, right = int(across[0]) // 3, int(across[-1]) // 3
    border = min(first, rows - 1 - last, left, columns - 1 - right)
    # DeepFace's border is a quarter; on the last level that is some 13 pixels still.
    if border < max(_LEAST_BORDER, min(rows, columns) // 5):
        return None
    return first, last, left, right


def _levels(
    image: npt.NDArray[np.uint8], frame: tuple[int, int, int, int], smallest: tuple[int, int]
) -> Iterator[Level]:
    top, bottom, left, right = frame
    rows, columns = image.shape[:2]
    pixels = np.ascontiguousarray(image[top : bottom + 1, left : right + 1].transpose(2, 0, 1))
    level = Level(pixels, top, left, frame, rows, columns)
    level = _resized(level, 2 * rows + 1, 2 * columns + 2)
    count = _count(level.columns, level.rows, smallest)
    for number in range(count):
        if number:
            level = _resized(level, 5 * level.rows // 6, 5 * level.columns // 6)
        yield level


def _count(width: int, height: int, smallest: tuple[int, int]) -> int:
    """Return the number of levels that dlib makes: it counts by corners that are made smaller."""
    left, top, right, bottom = 0, 0, width - 1, height - 1
    count = 0
    while True:
        left, top, right, bottom = (
            nearest((v - 0.3) * (5 / 6)) for v in (left, top, right, bottom)
        )
        count += 1
        if right - left + 1 < smallest[0] or bottom - top + 1 < smallest[1]:
            return count


def nearest(value: float) -> int:
    """Round as C's ``lround`` does: halves away from zero."""
    return math.floor(value + 0.5) if value >= 0 else math.ceil(value - 0.5)


def _resized(level: Level, rows: int, columns: int) -> Level:
    wide = level.pixels.shape[2]
    upper, down = rows_of(level.rows, rows)
    before, across = columns_of(level.columns, columns)
    top, bottom = _seen(upper, *level.seen[:2])
    left, right = _seen(before, *level.seen[2:])
    first_row, last_row = _with_border(top, bottom, rows)
    first, last = _with_border(left, right, columns)
    before = before[first:last] - level.left
    # The last cells may be wider than the level; what lies beyond is as black as the border.
    below, beside = (0, last_row - rows), (0, last - columns)
    pixels = resize(
        level.pixels,
        _longer(upper[first_row:last_row] - level.top, below, _OUTSIDE),
        _longer(down[first_row:last_row], below, 0),
        _longer((np.clip(before, -2, wide) + 2).astype(np.uint32), beside, 0),
        _longer(across[first:last], beside, 0),
    )
    return Level(pixels, first_row, first, (top, bottom, left, right), rows, columns)


def _longer(values: npt.NDArray[Any], by: tuple[int, int], filling: int) -> npt.NDArray[Any]:
    return np.pad(values, by, constant_values=filling) if by[1] > 0 else values


def _seen(from_where: Integers, first: int, last: int) -> tuple[int, int]:
    """Return first and last line of a new level that show something of the one before."""
    lines = np.flatnonzero((from_where >= first - 1) & (from_where <= last))
    return int(lines[0]), int(lines[-1])


def _with_border(first: int, last: int, whole: int) -> tuple[int, int]:
    """Return first line, and first after the last, of the cells that are kept of a level."""
    cells = int(whole / CELL + 0.5)
    return (
        CELL * max(0, first // CELL - _AROUND),
        CELL * min(cells, last // CELL + 1 + _AROUND),
    )

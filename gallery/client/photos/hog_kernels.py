"""Kernels of dlib's face detector: resizing, histograms of gradients, and the filters over them.

They compute what dlib 20 computes (``image_transforms/interpolation.h`` and ``fhog.h``): pixels of
the pyramid to the bit, scores to about 1e-6. They are faster for two reasons: pixels are kept in
planes, so that each step is a loop over neighbours that compilers turn into vector instructions,
and a row's gradients are summed before they are divided between two rows of cells.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from gallery.arrays import Floats, Integers
from gallery.compilation import compiled, kept

Bytes = npt.NDArray[np.uint8]
Floats32 = npt.NDArray[np.float32]

CELL: Final = 8
"""Pixels of the side of a cell, for which a histogram of gradients is made."""

WINDOW: Final = 10
"""Cells of the side of a window, which a filter tells whether it shows a face."""

_WAYS: Final = 18
"""Directions of a histogram."""

PLANES: Final = 31
"""Values of a cell: of 18 directions, of 9 without sign, and 4 of texture."""


def columns_of(size: int, wanted: int) -> tuple[Integers, Floats32]:
    """Return from where a resized row takes its pixels: the left one of two, and the way to it.

    The positions are sums of float32, four columns at a time, as dlib's are, with their rounding.
    """
    left, way = np.empty(wanted, np.int64), np.empty(wanted, np.float32)
    _place_columns(size, left, way)
    return left, way


@kept
def _place_columns(size: int, left: Integers, way: Floats32) -> None:
    wanted = left.size
    scale = (size - 1) / max(wanted - 1, 1)
    step = np.float32(4 * scale)
    for first in range(min(4, wanted)):
        at = np.float32(-4 * scale + first * scale)
        for column in range(first, wanted, 4):
            at += step
            left[column] = np.int64(at)
            way[column] = at - np.float32(left[column])


def rows_of(size: int, wanted: int) -> tuple[Integers, Floats]:
    """Return from where a resized column takes its pixels: the upper one of two, and the way."""
    top, way = np.empty(wanted, np.int64), np.empty(wanted)
    _place_rows(size, top, way)
    return top, way


@kept
def _place_rows(size: int, top: Integers, way: Floats) -> None:
    wanted = top.size
    scale = (size - 1) / max(wanted - 1, 1)
    at = -scale
    for row in range(wanted):
        at += scale
        top[row] = np.int64(np.floor(at))
        way[row] = at - top[row]


def resize(
    source: Bytes,
    top: Integers,
    down: Floats,
    left: Integers,
    right: Integers,
    across: Floats32,
) -> Bytes:
    """Return a picture resized between neighbours, uint8, planes first.

    Parameters
    ----------
    source
        uint8, shape (3, rows, columns); what lies around it is black.
    top, down
        For each row of the result: the upper row of `source`, which may lie outside, and the way
        to the lower one.
    left, right, across
        For each column: the places of two neighbours in a row with one black pixel before it and
        one after it, and the way from one to the other.
    """
    wide = left.size
    result = np.empty((3, top.size, wide), np.uint8)
    given = map(np.ascontiguousarray, (source, top, down, left, right, across))
    row, back = np.zeros(source.shape[2] + 2, np.float32), np.empty(wide, np.float32)
    _resize(*given, result, row, back, np.zeros((2, 2, wide), np.float32), np.empty(2, np.int64))
    return result


@kept
def _resize(
    source: Bytes,
    top: Integers,
    down: Floats,
    left: Integers,
    right: Integers,
    across: Floats32,
    result: Bytes,
    row: Floats32,
    back: Floats32,
    pairs: Floats32,
    held: Integers,
) -> None:
    """Write the result of `resize`.

    ``row`` and ``back`` are space for a row of the source and of the result; ``pairs`` for
    neighbours of an even row and of an odd one, so that each row is taken apart once, and ``held``
    for which they are of.
    """
    rows, columns = source.shape[1], source.shape[2]
    high, wide = top.size, left.size
    for x in range(wide):
        back[x] = np.float32(1) - across[x]
    for plane in range(3):
        held[0] = held[1] = -(10**9)
        for y in range(high):
            for which in range(top[y], top[y] + 2):
                even = which & 1
                if held[even] == which:
                    continue
                held[even] = which
                first, second = pairs[even, 0], pairs[even, 1]
                if which < 0 or which >= rows:
                    first[:] = np.float32(0)
                    second[:] = np.float32(0)
                    continue
                pixels = source[plane, which]
                for x in range(columns):
                    row[x + 1] = np.float32(pixels[x])
                for x in range(wide):
                    first[x] = row[left[x]]
                    second[x] = row[right[x]]
            upper, lower = top[y] & 1, (top[y] + 1) & 1
            a, b, c, d = pairs[upper, 0], pairs[upper, 1], pairs[lower, 0], pairs[lower, 1]
            low, high_part = np.float32(down[y]), np.float32(1.0 - down[y])
            out = result[plane, y]
            for x in range(wide):
                # In this order: the sum is rounded to float32 after each step.
                value = (high_part * back[x]) * a[x] + (high_part * across[x]) * b[x]
                value = (value + (low * back[x]) * c[x]) + (low * across[x]) * d[x]
                out[x] = np.uint8(np.int32(value))


_DX: Final = np.array(
    [1.0, 0.9397, 0.7660, 0.5, 0.1736, -0.1736, -0.5, -0.7660, -0.9397], np.float32
)
_DY: Final = np.array(
    [0.0, 0.3420, 0.6428, 0.8660, 0.9848, 0.9848, 0.8660, 0.6428, 0.3420], np.float32
)
"""dlib's nine directions, with as many digits as it has."""


@compiled
def _gradients(  # one argument for each row: only of these the compiler knows that they are dense
    red_above: Bytes,
    green_above: Bytes,
    blue_above: Bytes,
    red: Bytes,
    green: Bytes,
    blue: Bytes,
    red_below: Bytes,
    green_below: Bytes,
    blue_below: Bytes,
    direction: Integers,
    length: Floats32,
) -> None:
    """Write direction (0 to 17) and length of a row's gradients, each of its strongest colour."""
    for x in range(1, direction.size - 1):
        red_x = np.int32(red[x + 1]) - np.int32(red[x - 1])
        red_y = np.int32(red_below[x]) - np.int32(red_above[x])
        green_x = np.int32(green[x + 1]) - np.int32(green[x - 1])
        green_y = np.int32(green_below[x]) - np.int32(green_above[x])
        blue_x = np.int32(blue[x + 1]) - np.int32(blue[x - 1])
        blue_y = np.int32(blue_below[x]) - np.int32(blue_above[x])
        reds = np.int32(red_x * red_x + red_y * red_y)
        greens = np.int32(green_x * green_x + green_y * green_y)
        blues = np.int32(blue_x * blue_x + blue_y * blue_y)
        most = reds > greens
        across = np.int32(red_x if most else green_x)
        down = np.int32(red_y if most else green_y)
        square = np.int32(reds if most else greens)
        most = square > blues
        across_f = np.float32(np.int32(across if most else blue_x))
        down_f = np.float32(np.int32(down if most else blue_y))
        square = np.int32(square if most else blues)
        largest = np.float32(0)
        best = np.int32(0)
        for number in range(9):
            dot = across_f * _DX[number] + down_f * _DY[number]
            size = abs(dot)
            larger = size > largest
            place = np.int32(number if dot > 0 else number + 9)
            largest = size if larger else largest
            best = place if larger else best
        direction[x] = best
        length[x] = np.sqrt(np.float32(square))


def histograms_of(picture: Bytes) -> Floats32:
    """Return the histogram of gradients of each cell, shape (cells + 2, cells + 2, 18).

    Parameters
    ----------
    picture
        uint8, shape (3, rows, columns), planes first; rows and columns are multiples of `CELL`.
    """
    rows, columns = picture.shape[1], picture.shape[2]
    cells = columns // CELL
    result = np.zeros((rows // CELL + 2, (cells + 2) * _WAYS), np.float32)
    directions, lengths = np.zeros(columns, np.int32), np.zeros(columns, np.float32)
    sums = np.empty((2, result.shape[1]), np.float32)
    _add_gradients(np.ascontiguousarray(picture), result, directions, lengths, sums)
    return result.reshape(-1, cells + 2, _WAYS)


@kept
def _add_gradients(
    picture: Bytes, result: Floats32, direction: Integers, length: Floats32, sums: Floats32
) -> None:
    """Add gradients to the histograms that are nearest, shape (cells + 2, (cells + 2) * 18).

    ``direction`` and ``length`` are zeros, space for those of a row. ``sums`` is space for two in
    turn: neighbours often have one direction, and a sum would wait for its last one.
    """
    rows, columns = picture.shape[1], picture.shape[2]
    cells = columns // CELL
    for y in range(1, rows - 1):
        _gradients(
            picture[0, y - 1],
            picture[1, y - 1],
            picture[2, y - 1],
            picture[0, y],
            picture[1, y],
            picture[2, y],
            picture[0, y + 1],
            picture[1, y + 1],
            picture[2, y + 1],
            direction,
            length,
        )
        sums[:] = np.float32(0)
        for cell in range(cells):
            for x in range(CELL):
                size, best = length[CELL * cell + x], direction[CELL * cell + x]
                # Centres of cells are half a cell from their edges.
                share = np.float32(((2 * x + 9) % 16) / 16.0)
                first = cell + (1 if x >= 4 else 0)
                sums[x & 1, first * _WAYS + best] += (np.float32(1) - share) * size
                sums[x & 1, (first + 1) * _WAYS + best] += share * size
        position = (y + 0.5) / CELL - 0.5
        above = np.int64(np.floor(position))
        lower = np.float32(position - above)
        upper = np.float32(1) - lower
        first_row, second_row = result[above + 1], result[above + 2]
        even, odd = sums[0], sums[1]
        for place in range(even.size):
            both = even[place] + odd[place]
            first_row[place] += upper * both
            second_row[place] += lower * both


def features_of(histograms: Floats32) -> Floats32:
    """Return the features of each cell, in planes with as much black around as a window needs.

    Returns
    -------
    ndarray of float32, shape (31, cells - 2 + 9, cells - 2 + 9)
        The outermost cells have none.
    """
    rows, columns = histograms.shape[0] - 2, histograms.shape[1] - 2
    result = np.zeros((PLANES, rows - 2 + WINDOW - 1, columns - 2 + WINDOW - 1), np.float32)
    energy, corners = np.zeros((rows, columns), np.float32), np.empty((2, 4), np.float32)
    _normalize(np.ascontiguousarray(histograms), result, energy, *corners)
    return result


@kept
def _normalize(
    histograms: Floats32, result: Floats32, energy: Floats32, limits: Floats32, factors: Floats32
) -> None:
    """Write the result of `features_of`; the others are space for cells and for four corners."""
    rows, columns = histograms.shape[0] - 2, histograms.shape[1] - 2
    for y in range(rows):
        for x in range(columns):
            total = np.float32(0)
            for way in range(9):
                both = histograms[y + 1, x + 1, way] + histograms[y + 1, x + 1, way + 9]
                total += both * both
            energy[y, x] = total
    half = (WINDOW - 1) // 2
    for y in range(rows - 2):
        for x in range(columns - 2):
            here = histograms[y + 2, x + 2]
            for corner in range(4):
                # The cell with three neighbours each: right below, right above, left below, above.
                top = y + (1 if corner % 2 == 0 else 0)
                left = x + (1 if corner < 2 else 0)
                total = energy[top, left] + energy[top, left + 1]
                total += energy[top + 1, left] + energy[top + 1, left + 1]
                limits[corner] = np.float32(0.2) * np.sqrt(total + np.float32(0.0001))
                factors[corner] = np.float32(0.1) / limits[corner]
            texture_0 = texture_1 = texture_2 = texture_3 = np.float32(0)
            for way in range(27):
                value = here[way] if way < 18 else here[way - 18] + here[way - 9]
                part_0 = min(value, limits[0]) * factors[0]
                part_1 = min(value, limits[1]) * factors[1]
                part_2 = min(value, limits[2]) * factors[2]
                part_3 = min(value, limits[3]) * factors[3]
                result[way, y + half, x + half] = (part_0 + part_1) + (part_2 + part_3)
                if way < 18:
                    texture_0 += part_0
                    texture_1 += part_1
                    texture_2 += part_2
                    texture_3 += part_3
            weight = np.float32(2 * 0.2357)
            result[27, y + half, x + half] = texture_0 * weight
            result[28, y + half, x + half] = texture_1 * weight
            result[29, y + half, x + half] = texture_2 * weight
            result[30, y + half, x + half] = texture_3 * weight


def scores_of(
    features: Floats32,
    planes: Integers,
    filters: Integers,
    across: Floats32,
    down: Floats32,
    biases: Floats32,
) -> Floats32:
    """Return how much the window around each cell looks like a face to each filter; 0 is the limit.

    Parameters
    ----------
    features
        From `features_of`.
    planes, filters
        Plane and filter of each separable part, shape (parts,).
    across, down
        The ten weights of each part along rows and columns, shape (parts, 10).
    biases
        What each filter's sum must reach, shape (filters,).

    Returns
    -------
    ndarray of float32, shape (filters, rows, columns)
        By the window's first row and column of `features`.
    """
    rows, columns = features.shape[1] - WINDOW + 1, features.shape[2] - WINDOW + 1
    result = np.empty((biases.size, rows, columns), np.float32)
    result[:] = -biases[:, None, None]
    summed = np.empty((rows + WINDOW - 1, columns), np.float32)
    given = map(np.ascontiguousarray, (features, planes, filters, across, down))
    _add_scores(*given, result, summed)
    return result


@kept
def _add_scores(
    features: Floats32,
    planes: Integers,
    filters: Integers,
    across: Floats32,
    down: Floats32,
    result: Floats32,
    summed: Floats32,
) -> None:
    """Add the scores of each part to those of its filter; ``summed`` is space for sums of rows."""
    rows, columns = features.shape[1] - WINDOW + 1, features.shape[2] - WINDOW + 1
    for part in range(planes.size):
        plane, scores = features[planes[part]], result[filters[part]]
        a, b, c, d, e, f, g, h, i, j = _ten(across[part])
        for y in range(rows + WINDOW - 1):
            v, out = plane[y], summed[y]
            for x in range(columns):
                total = (a * v[x] + b * v[x + 1]) + (c * v[x + 2] + d * v[x + 3])
                total += (e * v[x + 4] + f * v[x + 5]) + (g * v[x + 6] + h * v[x + 7])
                out[x] = total + (i * v[x + 8] + j * v[x + 9])
        a, b, c, d, e, f, g, h, i, j = _ten(down[part])
        for y in range(rows):
            r0, r1, r2, r3, r4 = (
                summed[y],
                summed[y + 1],
                summed[y + 2],
                summed[y + 3],
                summed[y + 4],
            )
            r5, r6, r7, r8, r9 = (
                summed[y + 5],
                summed[y + 6],
                summed[y + 7],
                summed[y + 8],
                summed[y + 9],
            )
            out = scores[y]
            for x in range(columns):
                total = (a * r0[x] + b * r1[x]) + (c * r2[x] + d * r3[x])
                total += (e * r4[x] + f * r5[x]) + (g * r6[x] + h * r7[x])
                out[x] += total + (i * r8[x] + j * r9[x])


@compiled
def _ten(v: Floats32) -> tuple[float, ...]:
    return v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9]

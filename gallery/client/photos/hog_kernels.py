"""Kernels of dlib's face detector: histograms of gradients, and the filters over them.

They compute what dlib 20 computes (``fhog.h``), scores to about 1e-6. They are faster for two
reasons: pixels are kept in planes, so that each step is a loop over neighbours that compilers turn
into vector instructions, and a row's gradients are summed before they are divided between two rows
of cells.

All arrays are given, those for what is needed meanwhile too; `gallery.client.photos.hog_features`
makes them.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from gallery.arrays import Integers
from gallery.client.photos.resizing_kernels import Bytes, Floats32, Places
from gallery.compilation import compiled, intrinsic, kept

CELL: Final = 8
"""Pixels of the side of a cell, for which a histogram of gradients is made."""

WINDOW: Final = 10
"""Cells of the side of a window, which a filter tells whether it shows a face."""

PLANES: Final = 31
"""Values of a cell: of 18 directions, of 9 without sign, and 4 of texture."""


_DX: Final = np.array(
    [1.0, 0.9397, 0.7660, 0.5, 0.1736, -0.1736, -0.5, -0.7660, -0.9397], np.float32
)
_DY: Final = np.array(
    [0.0, 0.3420, 0.6428, 0.8660, 0.9848, 0.9848, 0.8660, 0.6428, 0.3420], np.float32
)
"""dlib's nine directions, with as many digits as it has."""


@intrinsic
def _root(_: Any, value: Any) -> Any:
    """Return the square root of a float32, by the processor's instruction."""
    from llvmlite import ir
    from numba import types

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        function = builder.module.declare_intrinsic("llvm.sqrt", [ir.FloatType()])
        return builder.call(function, arguments)

    return types.float32(types.float32), generate


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
        length[x] = _root(np.float32(square))


@kept
def write_histograms(
    picture: Bytes, direction: Places, length: Floats32, sums: Floats32, result: Floats32
) -> None:
    """Write the histogram of gradients of each cell.

    Parameters
    ----------
    picture
        Shape (3, rows, columns), planes first; rows and columns are multiples of `CELL`.
    direction, length, sums
        For what is needed meanwhile: zeros of shape (columns,), the same, and of shape
        (2, (cells + 2) * 18).
    result
        Zeros of shape (cells + 2, (cells + 2) * 18): for each cell of a row, 18 directions.
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
        # Two sums in turn: neighbours often have one direction, and a sum would wait for its last.
        even, odd = sums[0], sums[1]
        for place in range(even.size):
            even[place] = np.float32(0)
            odd[place] = np.float32(0)
        for cell in range(cells):
            for x in range(CELL):
                size, best = length[CELL * cell + x], direction[CELL * cell + x]
                # Centres of cells are half a cell from their edges.
                share = np.float32(((2 * x + 9) % 16) / 16.0)
                place = 18 * (cell + (1 if x >= 4 else 0)) + best
                sums[x & 1, place] += (np.float32(1) - share) * size
                sums[x & 1, place + 18] += share * size
        above = (y + CELL // 2) // CELL - 1
        lower = np.float32((y + 0.5) / CELL - 0.5 - above)
        upper = np.float32(1) - lower
        first_row, second_row = result[above + 1], result[above + 2]
        for place in range(even.size):
            both = even[place] + odd[place]
            first_row[place] += upper * both
            second_row[place] += lower * both


@kept
def write_features(
    histograms: Floats32,
    energy: Floats32,
    turned: Floats32,
    limits: Floats32,
    factors: Floats32,
    textures: Floats32,
    result: Floats32,
) -> None:
    """Write the features of each cell, in planes with as much black around as a window needs.

    Parameters
    ----------
    histograms
        From `write_histograms`.
    energy, turned, limits, factors, textures
        For what is needed meanwhile: shapes (rows, columns) of cells, (27, columns - 2), and three
        times (4, columns - 2).
    result
        Zeros of shape (31, rows - 2 + 9, columns - 2 + 9): the outermost cells have none.
    """
    rows, columns = histograms.shape[0] - 2, histograms.shape[1] - 2
    for y in range(rows):
        for x in range(columns):
            total = np.float32(0)
            for way in range(9):
                both = histograms[y + 1, x + 1, way] + histograms[y + 1, x + 1, way + 9]
                total += both * both
            energy[y, x] = total
    half, inner = (WINDOW - 1) // 2, columns - 2
    # Direction by direction, so that the loops are over neighbours.
    for y in range(rows - 2):
        for x in range(inner):
            for way in range(18):
                turned[way, x] = histograms[y + 2, x + 2, way]
        for way in range(9):
            for x in range(inner):
                turned[18 + way, x] = turned[way, x] + turned[way + 9, x]
        for corner in range(4):
            # The cell with three neighbours each: right below, right above, left below, above.
            above = energy[y + (1 if corner % 2 == 0 else 0)]
            below = energy[y + (2 if corner % 2 == 0 else 1)]
            left = 1 if corner < 2 else 0
            for x in range(inner):
                total = above[x + left] + above[x + left + 1]
                total += below[x + left] + below[x + left + 1]
                limits[corner, x] = np.float32(0.2) * _root(total + np.float32(0.0001))
                factors[corner, x] = np.float32(0.1) / limits[corner, x]
            for x in range(inner):
                textures[corner, x] = np.float32(0)
        for way in range(27):
            _share(turned[way], limits, factors, textures, way < 18, result[way, y + half, half:])
        for corner in range(4):
            for x in range(inner):
                result[27 + corner, y + half, half + x] = (
                    np.float32(2 * 0.2357) * textures[corner, x]
                )


@compiled
def _share(
    values: Floats32,
    limits: Floats32,
    factors: Floats32,
    textures: Floats32,
    is_texture: bool,
    out: Floats32,
) -> None:
    """Write the features of one direction of a row of cells: cut off and scaled in four ways."""
    l0, l1, l2, l3 = limits[0], limits[1], limits[2], limits[3]
    f0, f1, f2, f3 = factors[0], factors[1], factors[2], factors[3]
    t0, t1, t2, t3 = textures[0], textures[1], textures[2], textures[3]
    weight = np.float32(1) if is_texture else np.float32(0)
    for x in range(values.size):
        a, b = min(values[x], l0[x]) * f0[x], min(values[x], l1[x]) * f1[x]
        c, d = min(values[x], l2[x]) * f2[x], min(values[x], l3[x]) * f3[x]
        out[x] = (a + b) + (c + d)
        t0[x] += weight * a
        t1[x] += weight * b
        t2[x] += weight * c
        t3[x] += weight * d


@kept
def write_scores(
    features: Floats32,
    planes: Integers,
    filters: Integers,
    across: Floats32,
    down: Floats32,
    summed: Floats32,
    result: Floats32,
) -> None:
    """Add up how much the window around each cell looks like a face to each filter.

    Parameters
    ----------
    features
        From `write_features`.
    planes, filters
        Plane and filter of each separable part, shape (parts,).
    across, down
        The ten weights of each part along rows and columns, shape (parts, 10).
    summed
        For what is needed meanwhile, shape (rows + 9, columns).
    result
        Shape (filters, rows, columns), by the window's first row and column of `features`; the sum
        is added to what is there.
    """
    rows, columns = result.shape[1], result.shape[2]
    for part in range(planes.size):
        plane, scores = features[planes[part]], result[filters[part]]
        weights = across[part]
        a, b, c, d, e = weights[0], weights[1], weights[2], weights[3], weights[4]
        f, g, h, i, j = weights[5], weights[6], weights[7], weights[8], weights[9]
        for y in range(rows + WINDOW - 1):
            v, out = plane[y], summed[y]
            for x in range(columns):
                total = a * v[x] + b * v[x + 1] + c * v[x + 2] + d * v[x + 3] + e * v[x + 4]
                total = total + f * v[x + 5] + g * v[x + 6] + h * v[x + 7] + i * v[x + 8]
                out[x] = total + j * v[x + 9]
        weights = down[part]
        a, b, c, d, e = weights[0], weights[1], weights[2], weights[3], weights[4]
        f, g, h, i, j = weights[5], weights[6], weights[7], weights[8], weights[9]
        # Two rows at once, which have nine rows of ten in common.
        for y in range(0, rows - 1, 2):
            r0, r1, r2, r3 = summed[y], summed[y + 1], summed[y + 2], summed[y + 3]
            r4, r5, r6, r7 = summed[y + 4], summed[y + 5], summed[y + 6], summed[y + 7]
            r8, r9, r10 = summed[y + 8], summed[y + 9], summed[y + 10]
            out, below = scores[y], scores[y + 1]
            for x in range(columns):
                v1, v2, v3, v4, v5 = r1[x], r2[x], r3[x], r4[x], r5[x]
                v6, v7, v8, v9 = r6[x], r7[x], r8[x], r9[x]
                total = out[x] + a * r0[x] + b * v1 + c * v2 + d * v3 + e * v4
                out[x] = total + f * v5 + g * v6 + h * v7 + i * v8 + j * v9
                total = below[x] + a * v1 + b * v2 + c * v3 + d * v4 + e * v5
                below[x] = total + f * v6 + g * v7 + h * v8 + i * v9 + j * r10[x]
        if rows % 2:
            out = scores[rows - 1]
            for step in range(WINDOW):
                weight, line = down[part, step], summed[rows - 1 + step]
                for x in range(columns):
                    out[x] += weight * line[x]

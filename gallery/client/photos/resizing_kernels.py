"""Kernels of the pyramid of dlib's face detector: pictures resized between neighbours.

They compute what dlib 20 computes (``image_transforms/interpolation.h``), to the bit. All arrays
are given, those for what is needed meanwhile too; `gallery.client.photos.hog_features` makes them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gallery.arrays import Floats, Integers
from gallery.compilation import kept

Bytes = npt.NDArray[np.uint8]
Floats32 = npt.NDArray[np.float32]
Places = npt.NDArray[np.uint32]
"""Unsigned, so that no compiler looks for places counted from the end."""


@kept
def write_columns(size: int, left: Integers, way: Floats32) -> None:
    """Write from where a resized row takes its pixels: the left one of two, and the way to it.

    The positions are sums of float32, four columns at a time, as dlib's are, with their rounding.
    """
    wanted = left.size
    scale = (size - 1) / max(wanted - 1, 1)
    step = np.float32(4 * scale)
    for first in range(min(4, wanted)):
        at = np.float32(-4 * scale + first * scale)
        for column in range(first, wanted, 4):
            at += step
            left[column] = np.int64(at)
            way[column] = at - np.float32(left[column])


@kept
def write_rows(size: int, top: Integers, way: Floats) -> None:
    """Write from where a resized column takes its pixels: the upper one of two, and the way."""
    wanted = top.size
    scale = (size - 1) / max(wanted - 1, 1)
    at = -scale
    for row in range(wanted):
        at += scale
        top[row] = np.int64(at)
        way[row] = at - top[row]


@kept
def write_resized(
    source: Bytes,
    top: Integers,
    down: Floats,
    left: Places,
    across: Floats32,
    row: Floats32,
    back: Floats32,
    pairs: Floats32,
    result: Bytes,
) -> None:
    """Write a picture resized between neighbours, planes first.

    Parameters
    ----------
    source
        Shape (3, rows, columns); what lies around it is black.
    top, down
        For each row of the result: the upper row of `source`, which may lie outside, and the way
        to the lower one.
    left, across
        For each column: the place of the left one of two neighbours in a row with two black pixels
        before it and two after it, and the way to the right one.
    row, back, pairs
        For what is needed meanwhile: zeros of shape (columns + 4,), of the result's (columns,), and
        (2, 2, columns).
    result
        Shape (3, rows, columns).
    """
    rows, columns = source.shape[1], source.shape[2]
    high, wide = top.size, left.size
    for x in range(wide):
        back[x] = np.float32(1) - across[x]
    for plane in range(3):
        # The rows whose neighbours are held: an even and an odd one, each taken apart once.
        even_row, odd_row = -(10**9), -(10**9)
        for y in range(high):
            for which in range(top[y], top[y] + 2):
                odd = which & 1
                if which == (odd_row if odd else even_row):
                    continue
                if odd:
                    odd_row = which
                else:
                    even_row = which
                first, second = pairs[odd, 0], pairs[odd, 1]
                if which < 0 or which >= rows:
                    for x in range(wide):
                        first[x] = np.float32(0)
                        second[x] = np.float32(0)
                    continue
                pixels = source[plane, which]
                for x in range(columns):
                    row[x + 2] = np.float32(pixels[x])
                for x in range(wide):
                    first[x] = row[left[x]]
                    second[x] = row[left[x] + np.uint32(1)]
            upper, lower = top[y] & 1, (top[y] + 1) & 1
            a, b, c, d = pairs[upper, 0], pairs[upper, 1], pairs[lower, 0], pairs[lower, 1]
            low, high_part = np.float32(down[y]), np.float32(1.0 - down[y])
            out = result[plane, y]
            for x in range(wide):
                # In this order: the sum is rounded to float32 after each step.
                value = (high_part * back[x]) * a[x] + (high_part * across[x]) * b[x]
                value = (value + (low * back[x]) * c[x]) + (low * across[x]) * d[x]
                out[x] = np.uint8(np.int32(value))

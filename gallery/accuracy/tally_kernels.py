"""Compiled passes over a matrix of distances, each of which looks at every distance once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gallery.arrays import Floats, Integers
from gallery.compilation import kept

Groups = npt.NDArray[np.int16]
"""Numbers of groups of distances, by cell of a grid."""


@kept
def count_distances(
    distances: Floats,
    mates: Integers,
    per_unit: float,
    cells: Integers,
    smallest: Floats,
    count: int,
    limit: float,
    largest: Floats,
) -> int:
    """Count distances in the cells of a grid, and collect those below a limit.

    Parameters
    ----------
    distances
        Shape (n, g), at least 0.
    mates
        Column that is left out of each row, -1 for none, shape (n,).
    per_unit
        Points of the grid in a unit of distance.
    cells
        Counts, which are raised: cell i ends at point i and holds it, and the last has all above.
    smallest
        Where distances below the limit are written, behind the first ``count``.
    count
        How many are there.
    limit
        The limit.
    largest
        Where the largest distance is written, shape (1,).

    Returns
    -------
    int
        How many are there now.
    """
    farthest, last = 0.0, len(cells) - 1
    for row in range(distances.shape[0]):
        for column in range(distances.shape[1]):
            if column == mates[row]:
                continue
            distance = distances[row, column]
            # A product that was rounded down to a point lies in the next cell all the same.
            cell = min(int(distance * per_unit), last)
            if cell < last and cell / per_unit < distance:
                cell += 1
            cells[cell] += 1
            farthest = max(farthest, distance)
            if distance < limit:
                smallest[count] = distance
                count += 1
    largest[0] = farthest
    return count


@kept
def count_groups(
    distances: Floats,
    mates: Integers,
    subjects: Integers,
    per_unit: float,
    groups: Groups,
    counts: npt.NDArray[np.uint32],
) -> None:
    """Count distances by subject and group.

    Parameters
    ----------
    distances, mates, per_unit
        As for `count_distances`.
    subjects
        Subject of each row, shape (n,).
    groups
        Group of each cell.
    counts
        Counts, which are raised, shape (subjects, groups).
    """
    last = len(groups) - 1
    for row in range(distances.shape[0]):
        own = counts[subjects[row]]
        for column in range(distances.shape[1]):
            if column == mates[row]:
                continue
            distance = distances[row, column]
            cell = min(int(distance * per_unit), last)
            if cell < last and cell / per_unit < distance:
                cell += 1
            own[groups[cell]] += 1


@kept
def compare_distances(
    encrypted: Floats,
    plain: Floats,
    bounds: Floats,
    totals: Floats,
    found: Integers,
    wanted: Integers,
) -> None:
    """Compare two matrices of the same distances, shape (n, g).

    Parameters
    ----------
    encrypted, plain
        Distances through the engine and in clear.
    bounds
        Largest error of each.
    totals
        Where these are written, shape (4,): how many errors are beyond their bound, the largest
        error, the sum of all squared, and the largest bound.
    found, wanted
        Where the column of the closest is written, in either matrix, shape (n,).
    """
    beyond, squares, largest, bound = 0, 0.0, 0.0, 0.0
    for row in range(plain.shape[0]):
        found[row] = wanted[row] = 0
        first, second = encrypted[row, 0], plain[row, 0]
        for column in range(plain.shape[1]):
            one, other = encrypted[row, column], plain[row, column]
            error = abs(one - other)
            squares += error * error
            largest = max(largest, error)
            bound = max(bound, bounds[row, column])
            beyond += error > bounds[row, column]
            if one < first:
                first, found[row] = one, column
            if other < second:
                second, wanted[row] = other, column
    totals[0], totals[1], totals[2], totals[3] = beyond, largest, squares, bound

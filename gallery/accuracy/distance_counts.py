"""Counts of distances: how many of very many are at most a value, in memory that does not grow.

The smallest are kept as they are. All are counted in the cells of a grid as well, so that counts
at its points are exact too, however many distances there are. As long as few were taken in, all of
them are among the smallest, and nothing is rounded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from gallery.accuracy.tally_kernels import count_distances
from gallery.arrays import Floats, Integers

SMALLEST: Final = 2**21
"""The smallest distances that are kept as they are, 8 bytes each. Of 200 million comparisons they
are all below a false match rate of 1%, of 20 billion below 0.01%."""

CELLS: Final = 2**21
"""Most cells of a grid, 8 bytes each. One of cosine distances is 1e-6 wide, which is less than the
bound of an encrypted one's error. Twice as many took half as long again: they leave the cache."""


@dataclass(frozen=True, eq=False)
class DistanceCounts:
    """Distances, and how many are at most each; `len` is the number of them all.

    Attributes
    ----------
    values
        Ascending, shape (v,). Those below ``limit`` are distances, each as often as it was found.
        The others are points of the grid, to which the rest was rounded up; the last one is the
        largest distance itself.
    counts
        How many distances are at most each value, int64, shape (v + 1,); a 0 comes first.
    limit
        Infinite if nothing was rounded.
    per_unit
        Points of the grid in a unit of distance.
    """

    values: Floats
    counts: Integers
    limit: float = math.inf
    per_unit: float = 1.0

    @classmethod
    def of(cls, distances: Floats | DistanceCounts) -> DistanceCounts:
        """Return the counts of distances, at least one; counts stay as they are."""
        if isinstance(distances, DistanceCounts):
            return distances
        return cls(np.sort(distances), np.arange(len(distances) + 1))

    def __len__(self) -> int:
        return int(self.counts[-1])

    @property
    def largest(self) -> float:
        """The largest distance."""
        return float(self.values[-1])

    def at_most(self, thresholds: npt.ArrayLike) -> Integers:
        """Return the number of distances that are at most each threshold.

        Exact below ``limit``, at all of ``values`` and at every point of the grid. Elsewhere those
        are missing that lie in the same cell.
        """
        return self._count(thresholds, "right")

    def below(self, thresholds: npt.ArrayLike) -> Integers:
        """Return the number of distances that are less than each threshold; see `at_most`."""
        return self._count(thresholds, "left")

    def between(self, edges: Floats) -> Integers:
        """Return the number of distances between edges, as NumPy's ``histogram`` counts them."""
        counts = self.below(edges)
        counts[-1] = self.at_most(edges[-1])
        return np.diff(counts)

    def rounded(self, distances: Floats) -> Floats:
        """Round other distances as those that were counted, so that both can be compared."""
        points = np.minimum(round_up(distances, self.per_unit), self.largest)
        exact = (distances < self.limit) | (distances > self.largest)
        return np.where(exact, distances, points)

    def _count(self, thresholds: npt.ArrayLike, side: Literal["left", "right"]) -> Integers:
        found: Integers = self.counts[np.searchsorted(self.values, thresholds, side)]
        return found


class DistanceTally:
    """Takes in the distances of non-mated comparisons, a few probes at a time.

    Parameters
    ----------
    largest
        The largest distance that there can be, but for errors.
    smallest
        How many of the smallest are kept as they are.
    """

    def __init__(self, largest: float, smallest: int = SMALLEST) -> None:
        self._per_unit = points_per_unit(largest)
        self._cells = np.zeros(math.ceil(largest * self._per_unit) + 1, dtype=np.int64)
        self._smallest, self._limit = smallest, math.inf
        self._kept, self._count = np.empty(0), 0
        self._largest = 0.0

    def add(self, distances: Floats, mates: Integers) -> None:
        """Take in distances of some probes to all references but their mates.

        Parameters
        ----------
        distances
            Shape (n, g), at least 0.
        mates
            Column of each probe's mate, -1 where it has none, shape (n,).
        """
        step = max(1, self._smallest // distances.shape[1])
        for start in range(0, len(distances), step):
            some = distances[start : start + step]
            self._make_room(some.size)
            largest = np.zeros(1)
            self._count = count_distances(
                np.ascontiguousarray(some),
                mates[start : start + step],
                self._per_unit,
                self._cells,
                self._kept,
                self._count,
                self._limit,
                largest,
            )
            self._largest = max(self._largest, float(largest[0]))

    def result(self) -> DistanceCounts:
        """Return the counts of what was taken in, which is at least one distance."""
        if self._count > self._smallest:
            self._drop()
        kept = np.sort(self._kept[: self._count])
        if math.isinf(self._limit):
            return DistanceCounts.of(kept)
        # The cells count what was kept as well; a point at the limit or above has it behind it.
        filled = np.flatnonzero(self._cells)
        points, counts = filled / self._per_unit, np.cumsum(self._cells[filled])
        points[-1] = self._largest
        rest = points >= self._limit
        points, counts = points[rest], counts[rest]
        return DistanceCounts(
            values=np.concatenate([kept, points]),
            counts=np.concatenate([np.arange(len(kept) + 1), counts]),
            limit=self._limit,
            per_unit=self._per_unit,
        )

    def _make_room(self, size: int) -> None:
        if self._count + size > len(self._kept) and self._count > self._smallest:
            self._drop()
        if self._count + size > len(self._kept):
            grown = np.empty(max(2 * len(self._kept), self._count + size))
            grown[: self._count] = self._kept[: self._count]
            self._kept = grown

    def _drop(self) -> None:
        """Keep no more than the smallest, and of equal ones all or none."""
        kept = np.partition(self._kept[: self._count], self._smallest)
        self._limit = float(kept[self._smallest])
        kept = kept[: self._smallest]
        kept = kept[kept < self._limit]
        self._count = len(kept)
        self._kept[: self._count] = kept


def points_per_unit(largest: float) -> float:
    """Return the points of a grid in a unit of distance: 1, 2 or 5 times a power of ten.

    So thresholds of a few decimals are points. A distance of ``largest`` is at most `CELLS` points.
    """
    tens = 10.0 ** math.floor(math.log10(CELLS / largest))
    return max(step * tens for step in (1.0, 2.0, 5.0) if step * tens * largest <= CELLS)


def round_up(distances: Floats, per_unit: float) -> Floats:
    """Return the first point of a grid that is not below each distance."""
    points = np.floor(distances * per_unit)
    # The product may be rounded to a whole number; a point is a quotient, as in the kernel.
    points += points / per_unit < distances
    rounded: Floats = points / per_unit
    return rounded

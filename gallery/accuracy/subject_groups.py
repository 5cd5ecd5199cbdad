"""Comparisons of each subject in groups of distances, which a bootstrap of subjects draws from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from gallery.accuracy.distance_counts import SMALLEST, points_per_unit, round_up
from gallery.accuracy.intervals import SubjectBootstrap
from gallery.accuracy.tally_kernels import Groups, count_groups
from gallery.arrays import Floats, Integers

GROUPS: Final = 1024
"""Groups of distances, and about one more."""

_BLOCK: Final = 4096
"""Subjects whose counts are converted at a time."""


@dataclass(frozen=True, eq=False)
class SubjectGroups:
    """The comparisons of each subject's probes, counted by group of distances.

    Attributes
    ----------
    mated, mated_subjects
        Group and subject of each mated comparison, shape (m,).
    others
        Counts of the non-mated ones, shape (subjects, groups); of 4e9 of one subject there would
        be too many.
    """

    mated: Integers
    mated_subjects: Integers
    others: npt.NDArray[np.uint32]

    def drawn(self, bootstrap: SubjectBootstrap) -> tuple[Floats, Floats]:
        """Return the counts of each replicate, mated and non-mated, of shape (replicates, groups).

        A subject's comparisons count as often as it was drawn.
        """
        subjects, groups = self.others.shape
        positive, negative = [], []
        for weights in bootstrap.batches():
            positive += [
                np.bincount(self.mated, weights=row[self.mated_subjects], minlength=groups)
                for row in weights
            ]
            # (replicates, subjects) times (subjects, groups), some subjects at a time: in float64,
            # which counts exactly to 2**53, all of the counts would take twice their memory again.
            sums = np.zeros((len(weights), groups))
            for start in range(0, subjects, _BLOCK):
                some = slice(start, start + _BLOCK)
                sums += weights[:, some] @ self.others[some].astype(np.float64)
            negative.append(sums)
        return np.array(positive), np.concatenate(negative)


class SubjectTally:
    """Takes in the distances of comparisons, a few probes at a time, and groups them by subject.

    The edges of the groups are quantiles of both kinds of comparisons. They are chosen when so many
    distances were taken in that they are not to be kept any longer.

    Parameters
    ----------
    subjects
        How many there are.
    largest
        The largest distance that there can be, but for errors.
    mates
        Distances of mated comparisons, those of plain embeddings: for edges that are chosen before
        all comparisons were made.
    kept
        How many distances are kept until then.
    """

    def __init__(self, subjects: int, largest: float, mates: Floats, kept: int = SMALLEST) -> None:
        self._subjects, self._expected = subjects, mates
        self._per_unit = points_per_unit(largest)
        self._cells = math.ceil(largest * self._per_unit) + 1
        self._room = kept
        self._waiting: list[tuple[Floats, Integers, Integers]] = []
        self._edges: Floats | None = None
        self._groups: Groups = np.empty(0, np.int16)
        self._counts = np.empty((0, 0), np.uint32)

    def add(self, distances: Floats, mates: Integers, subjects: Integers) -> None:
        """Take in distances of some probes to all references.

        Parameters
        ----------
        distances
            Shape (n, g).
        mates
            Column of each probe's mate, -1 where it has none, shape (n,).
        subjects
            Subject of each probe, shape (n,).
        """
        if self._edges is not None:
            self._count(distances, mates, subjects)
            return
        self._waiting.append((distances, mates, subjects))
        self._room -= distances.size
        if self._room < 0:
            self._settle()

    def result(self, mate_distances: Floats, mated_subjects: Integers) -> SubjectGroups:
        """Return the groups of what was taken in.

        Parameters
        ----------
        mate_distances, mated_subjects
            Distance and subject of all mated comparisons, shape (m,).
        """
        edges = self._edges
        if edges is None:
            others = [_without_mates(*part) for part in self._waiting]
            distances = np.concatenate([part[0] for part in others])
            owners = np.concatenate([part[1] for part in others])
            edges = _quantiles(mate_distances, distances)
            width = len(edges) + 1
            places = owners * width + np.searchsorted(edges, distances, side="left")
            counted = np.bincount(places, minlength=self._subjects * width)
            counts = counted.reshape(self._subjects, width).astype(np.uint32)
        else:
            counts = self._counts
        mated = np.searchsorted(edges, mate_distances, side="left")
        return SubjectGroups(mated, mated_subjects, counts)

    def _settle(self) -> None:
        """Choose edges, points of the grid, and count what waits."""
        distances = np.concatenate([_without_mates(*part)[0] for part in self._waiting])
        edges = round_up(_quantiles(self._expected, distances), self._per_unit)
        self._edges = np.unique(edges)
        points = np.arange(self._cells) / self._per_unit
        self._groups = np.searchsorted(self._edges, points, side="left").astype(np.int16)
        self._counts = np.zeros((self._subjects, len(self._edges) + 1), dtype=np.uint32)
        for part in self._waiting:
            self._count(*part)
        self._waiting.clear()

    def _count(self, distances: Floats, mates: Integers, subjects: Integers) -> None:
        given = map(np.ascontiguousarray, (distances, mates, subjects))
        count_groups(*given, self._per_unit, self._groups, self._counts)


def _quantiles(mated: Floats, others: Floats) -> Floats:
    shares = np.linspace(0.0, 1.0, GROUPS // 2)
    found = np.concatenate([np.quantile(mated, shares), np.quantile(others, shares)])
    return np.unique(found)


def _without_mates(
    distances: Floats, mates: Integers, subjects: Integers
) -> tuple[Floats, Integers]:
    """Return the distances of non-mated comparisons and the subject of each one's probe."""
    others = np.ones(distances.shape, dtype=bool)
    known = np.flatnonzero(mates >= 0)
    others[known, mates[known]] = False
    owners = np.broadcast_to(subjects[:, None], distances.shape)
    return distances[others], owners[others]

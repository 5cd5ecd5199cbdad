"""The outcomes of all folds: the distances that accuracy is computed from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gallery.accuracy.distance_counts import SMALLEST, DistanceCounts, DistanceTally
from gallery.accuracy.rates import mate_ranks
from gallery.arrays import Floats, Integers


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Searches of one or several folds; all distances in units of the metric.

    Attributes
    ----------
    mated_subjects, mate_ranks, mate_distances
        Of each mated search: the subject, the rank of the mate, the distance to it; shape (m,).
    non_mated_subjects, nearest
        Of each non-mated search: the subject, the distance of the first candidate; shape (n,).
    others
        Distances of all non-mated comparisons. The mated comparisons are the mate's, since one
        reference of a subject is enrolled.
    """

    mated_subjects: Integers
    mate_ranks: Integers
    mate_distances: Floats
    non_mated_subjects: Integers
    nearest: Floats
    others: DistanceCounts


class OutcomesTally:
    """Takes in what searches show, a few probes at a time, and keeps little of it.

    Parameters
    ----------
    largest
        The largest distance that there can be, but for errors.
    smallest
        How many of the smallest distances of non-mated comparisons are kept as they are.
    """

    def __init__(self, largest: float, smallest: int = SMALLEST) -> None:
        self._others = DistanceTally(largest, smallest)
        self._mated: list[tuple[Integers, Integers, Floats]] = []
        self._non_mated: list[tuple[Integers, Floats]] = []

    def add(self, distances: Floats, mates: Integers, subjects: Integers) -> None:
        """Take in the distances of some probes to all references.

        Parameters
        ----------
        distances
            Shape (n, g), at least 0.
        mates
            Column of each probe's mate, -1 where it has none, shape (n,).
        subjects
            Subject of each probe, shape (n,).
        """
        known = mates >= 0
        own, columns = distances[known], mates[known]
        mate_distances = own[np.arange(len(own)), columns]
        self._mated.append((subjects[known], mate_ranks(own, columns), mate_distances))
        self._non_mated.append((subjects[~known], distances[~known].min(axis=1)))
        self._others.add(distances, mates)

    def result(self) -> Outcomes:
        """Return the outcomes of all searches, in the order in which they came."""
        mated_subjects, ranks, mate_distances = map(np.concatenate, zip(*self._mated, strict=True))
        non_mated_subjects, nearest = map(np.concatenate, zip(*self._non_mated, strict=True))
        return Outcomes(
            mated_subjects=mated_subjects,
            mate_ranks=ranks,
            mate_distances=mate_distances,
            non_mated_subjects=non_mated_subjects,
            nearest=nearest,
            others=self._others.result(),
        )

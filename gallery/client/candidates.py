"""Candidate lists: the closest references of each probe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gallery.metrics import Metric

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Identification:
    """Candidate lists and decisions of a batch of n probes.

    Attributes
    ----------
    distances
        float64, shape (n, k), in units of the metric, ascending; infinite where the gallery has
        fewer than k references.
    reference_ids
        Strings of 32 hexadecimal digits, shape (n, k); empty where there is no candidate.
    labels
        Strings, shape (n, k); empty where there is no candidate.
    decisions
        bool, shape (n,): True for a match, that is, the first distance is at most the threshold.
    searched
        int64, shape (n,): references that each probe was compared with.
    threshold
        In units of the metric.
    metric
        The gallery's metric.
    """

    distances: Floats
    reference_ids: npt.NDArray[np.str_]
    labels: npt.NDArray[np.str_]
    decisions: npt.NDArray[np.bool_]
    searched: npt.NDArray[np.int64]
    threshold: float
    metric: Metric

    def __len__(self) -> int:
        return len(self.decisions)


@dataclass(frozen=True, eq=False)
class CandidateRows:
    """Candidate lists as they come out of one search, before decisions are taken.

    Attributes
    ----------
    squared
        Squared distances of vectors of norm at most 1, float64, shape (n, k), padded with infinity.
    reference_ids, labels
        Strings, shape (n, k), padded with empty ones.
    searched
        References that the probes were compared with.
    """

    squared: Floats
    reference_ids: npt.NDArray[np.str_]
    labels: npt.NDArray[np.str_]
    searched: int


class Ranking:
    """The k closest positions of one probe among the blocks seen so far.

    Attributes
    ----------
    squared
        Their squared distances, ascending, shape (at most k,).
    places
        Their block indices and positions, int64, shape (at most k, 2).
    """

    def __init__(self, k: int) -> None:
        self._k = k
        self.squared: Floats = np.empty(0)
        self.places = np.empty((0, 2), dtype=np.int64)

    def add(self, squared: Floats, positions: npt.NDArray[np.intp], block_index: int) -> None:
        """Merge distances of one block's occupied positions; ties keep the order of positions."""
        if len(squared) > self._k:
            # All that tie with the k-th stay, so that the sort below decides by position.
            farthest = np.partition(squared, self._k - 1)[self._k - 1]
            closest = np.flatnonzero(squared <= farthest)
            squared, positions = squared[closest], positions[closest]
        places = np.column_stack([np.full(len(positions), block_index), positions])
        merged = np.concatenate([self.squared, squared])
        order = np.argsort(merged, kind="stable")[: self._k]
        self.squared = merged[order]
        self.places = np.concatenate([self.places, places])[order]

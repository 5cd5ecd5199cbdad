"""The parity of the encrypted engine with a search in clear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gallery.accuracy.tally_kernels import compare_distances
from gallery.arrays import Floats
from gallery.client.searching.release import largest_errors
from gallery.messages import GalleryDescription


@dataclass(frozen=True)
class Parity:
    """Differences between searches through the encrypted engine and the same in clear.

    Attributes
    ----------
    comparisons, searches, decisions
        How many were compared; a decision is one search at one threshold.
    max_error, rms_error
        Of the decrypted distances, in units of the metric.
    error_bound
        The largest of the bounds of these errors, which depend on the distance where the metric is
        a root.
    beyond_bound
        Comparisons whose error is above their own bound.
    rank_1_changed
        Searches with another first candidate.
    rank_1_unexplained
        Those of them where the two candidates are farther apart in clear than their errors can be.
    decisions_changed
        Decisions that are not the same: match or non-match, or with whom.
    decisions_unexplained
        Those of them where the plain distance is not within its error bound of the threshold, and
        the first candidate's change is not explained either.
    thresholds
        Thresholds of the decisions.
    metric_changes
        By the name of a metric: its value through the engine minus that in clear.
    """

    comparisons: int
    searches: int
    decisions: int
    max_error: float
    rms_error: float
    error_bound: float
    beyond_bound: int
    rank_1_changed: int
    rank_1_unexplained: int
    decisions_changed: int
    decisions_unexplained: int
    thresholds: tuple[float, ...]
    metric_changes: Mapping[str, float]


class ParityTally:
    """Compares distances, a few probes at a time.

    Parameters
    ----------
    description
        The gallery, whose parameter set and metric bound the errors.
    """

    def __init__(self, description: GalleryDescription) -> None:
        self._description = description
        self._comparisons = self._beyond = 0
        self._largest = self._squares = self._bound = 0.0
        self._firsts: list[tuple[Floats, Floats, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]] = []

    def add(self, encrypted: Floats, plain: Floats) -> None:
        """Compare distances of some probes, both of shape (probes, references)."""
        bounds = largest_errors(plain, self._description)
        totals, (found, wanted) = np.empty(4), np.empty((2, len(plain)), np.int64)
        given = map(np.ascontiguousarray, (encrypted, plain, bounds))
        compare_distances(*given, totals, found, wanted)
        beyond, largest, squares, bound = totals
        self._comparisons += plain.size
        self._beyond += int(beyond)
        self._largest = max(self._largest, float(largest))
        self._squares += float(squares)
        self._bound = max(self._bound, float(bound))
        rows = np.arange(len(plain))
        gaps = plain[rows, found] - plain[rows, wanted]
        reach = bounds[rows, found] + bounds[rows, wanted]
        first = encrypted[rows, found], plain[rows, wanted]
        self._firsts.append((*first, found == wanted, gaps <= reach))

    def result(self, thresholds: Sequence[float], metric_changes: Mapping[str, float]) -> Parity:
        """Return the differences over all probes, with decisions taken at the given thresholds."""
        parts = [np.concatenate(part) for part in zip(*self._firsts, strict=True)]
        encrypted, plain = parts[0].astype(np.float64), parts[1].astype(np.float64)
        same, explained = parts[2].astype(bool), parts[3].astype(bool)
        bounds = largest_errors(plain, self._description)
        changed = unexplained = 0
        for threshold in thresholds:
            before, after = plain <= threshold, encrypted <= threshold
            flipped, renamed = before != after, before & after & ~same
            near = np.abs(plain - threshold) <= bounds
            changed += int((flipped | renamed).sum())
            unexplained += int(((flipped & ~near) | (renamed & ~explained)).sum())
        return Parity(
            comparisons=self._comparisons,
            searches=len(plain),
            decisions=len(plain) * len(thresholds),
            max_error=self._largest,
            rms_error=float(np.sqrt(self._squares / self._comparisons)),
            error_bound=self._bound,
            beyond_bound=self._beyond,
            rank_1_changed=int((~same).sum()),
            rank_1_unexplained=int((~same & ~explained).sum()),
            decisions_changed=changed,
            decisions_unexplained=unexplained,
            thresholds=tuple(thresholds),
            metric_changes=dict(metric_changes),
        )

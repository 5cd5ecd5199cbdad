"""Accuracy of identification and of comparison, as pure functions on arrays of distances.

Definitions of ISO/IEC 19795-1 and of NIST's FRTE 1:N reports, for distances instead of scores:
lower is closer, and a match is taken at ``distance <= threshold``, as everywhere in this project.

A mated search succeeds at a threshold if the mate is within the first R candidates and not farther
than the threshold. Both conditions fold into one number, `success_distances`, so that FNIR and FPIR
of searches and FNMR and FMR of comparisons are the same two functions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gallery.accuracy.distance_counts import DistanceCounts
from gallery.arrays import Floats, Integers
from gallery.client.searching.release import DECIMALS

POINTS = 400
"""Most points of a curve in a plot or in the JSON report."""


@dataclass(frozen=True, eq=False)
class ErrorCurve:
    """Both error rates against the threshold.

    Attributes
    ----------
    thresholds
        Ascending, shape (t,); the first is minus infinity, where nothing matches.
    false_positive
        FPIR or FMR, shape (t,), ascending from 0.
    false_negative
        FNIR or FNMR, shape (t,), descending from 1.
    """

    thresholds: Floats
    false_positive: Floats
    false_negative: Floats

    def __len__(self) -> int:
        return len(self.thresholds)


def mate_ranks(distances: Floats, mates: Integers) -> Integers:
    """Return the rank of the mate in each candidate list.

    Parameters
    ----------
    distances
        Of each probe to each reference, shape (n, g).
    mates
        Column of each probe's mate, shape (n,).

    Returns
    -------
    ndarray of int64, shape (n,)
        From 1. Of equal distances the earlier column comes first, as in a candidate list.
    """
    own = np.take_along_axis(distances, mates[:, None], axis=1)
    earlier = np.arange(distances.shape[1])[None, :] < mates[:, None]
    ahead = (distances < own) | ((distances == own) & earlier)
    ranks: Integers = 1 + ahead.sum(axis=1, dtype=np.int64)
    return ranks


def success_distances(distances: Floats, ranks: Integers, rank: int) -> Floats:
    """Return the threshold from which on each mated search succeeds, shape (n,).

    Parameters
    ----------
    distances
        Of each probe to its mate, shape (n,).
    ranks
        Rank of the mate in each candidate list, shape (n,).
    rank
        Within how many candidates the mate must be; farther down it is infinite.
    """
    return np.where(ranks <= rank, distances, np.inf)


def false_positive_rate(non_mated: Floats | DistanceCounts, thresholds: npt.ArrayLike) -> Floats:
    """Return FPIR (of the nearest distances of non-mated searches) or FMR (of comparisons).

    Parameters
    ----------
    non_mated
        Distances, shape (n,), n at least 1.
    thresholds
        Any shape; the result has the same.
    """
    others = DistanceCounts.of(non_mated)
    return np.asarray(others.at_most(thresholds) / len(others), dtype=np.float64)


def false_negative_rate(mated: Floats, thresholds: npt.ArrayLike) -> Floats:
    """Return FNIR (of `success_distances`) or FNMR (of comparisons); as `false_positive_rate`."""
    found = np.searchsorted(np.sort(mated), np.asarray(thresholds), side="right")
    return np.asarray((len(mated) - found) / len(mated), dtype=np.float64)


def error_curve(mated: Floats, non_mated: Floats | DistanceCounts) -> ErrorCurve:
    """Return both error rates at every threshold where one of them changes.

    Of counts that are on a grid, at every point of it where one has changed; both rates are exact.
    """
    others = DistanceCounts.of(non_mated)
    finite = np.concatenate([others.rounded(mated[np.isfinite(mated)]), others.values])
    thresholds = np.concatenate([[-np.inf], np.unique(finite)])
    return ErrorCurve(
        thresholds,
        false_positive_rate(others, thresholds),
        false_negative_rate(mated, thresholds),
    )


def allowed(rate: float, count: float) -> int:
    """Return the number of ``count`` searches that may be false positives at a rate."""
    # 0.1 * 30 is a little more than 3, 0.07 * 100 a little more than 7; 0.29 * 100 less than 29.
    return int(np.floor(rate * count + 1e-9))


def threshold_at(non_mated: Floats, rate: float) -> float:
    """Return the largest threshold with a false positive rate of at most ``rate``.

    Parameters
    ----------
    non_mated
        Distances, shape (n,), n at least 1.
    rate
        At least 0 and below 1.
    """
    # The allowance for rounding in `allowed` must not let a rate right below 1 allow all of them.
    first_refused = np.sort(non_mated)[min(allowed(rate, len(non_mated)), len(non_mated) - 1)]
    return float(np.nextafter(first_refused, -np.inf))


def cumulative_match(ranks: Integers, upto: int) -> Floats:
    """Return the cumulative match characteristic: the share of mates within rank 1, 2, … ``upto``.

    Parameters
    ----------
    ranks
        Rank of the mate in each mated search, shape (n,), n at least 1.
    upto
        Last rank.

    Returns
    -------
    ndarray of float64, shape (upto,)
    """
    counts = np.bincount(np.minimum(ranks, upto + 1), minlength=upto + 2)
    return np.asarray(np.cumsum(counts[1 : upto + 1]) / len(ranks), dtype=np.float64)


def area_under_roc(mated: Floats, non_mated: Floats | DistanceCounts) -> float:
    """Return the chance that a mated comparison is closer than a non-mated one; ties count half.

    This is the area under the ROC curve (Mann and Whitney's U statistic, scaled). Distances in the
    same cell of a grid count as ties.
    """
    others = DistanceCounts.of(non_mated)
    rounded = others.rounded(mated)
    worse = len(others) - 0.5 * (others.at_most(rounded) + others.below(rounded))
    return float(worse.mean() / len(others))


def equal_error_rate(curve: ErrorCurve) -> tuple[float, float]:
    """Return the equal error rate and its threshold.

    Error rates are steps, which need not meet: it is the mean of the two where they are closest.
    """
    at = int(np.argmin(np.abs(curve.false_positive - curve.false_negative)))
    rate = (curve.false_positive[at] + curve.false_negative[at]) / 2.0
    return float(rate), float(curve.thresholds[at])


def thinned(curve: ErrorCurve) -> ErrorCurve:
    """Return at most `POINTS` points of a curve, close together where either rate is small."""
    if len(curve) <= POINTS:
        return curve
    shares = np.concatenate([np.geomspace(1e-7, 1.0, POINTS // 4), np.linspace(0, 1, POINTS // 4)])
    by_positive = np.searchsorted(curve.false_positive, shares)
    by_negative = np.searchsorted(-curve.false_negative, -shares)
    places = np.unique(np.concatenate([by_positive, by_negative, [0, len(curve) - 1]]))
    places = places[places < len(curve)]
    return ErrorCurve(
        curve.thresholds[places], curve.false_positive[places], curve.false_negative[places]
    )


def cut(threshold: float) -> float:
    """Return a threshold cut to as many decimals as distances are released with.

    Downwards, so that no more searches match than did before; and so that it lies beside the
    distance that it was found on and not at its very edge.
    """
    return max(0.0, float(np.floor(threshold * 10.0**DECIMALS) / 10.0**DECIMALS))

"""Distances between embeddings, as DeepFace defines them, from squared Euclidean distances.

The encrypted comparison yields one thing only: the squared Euclidean distance between two vectors
of norm at most 1. Every metric here is a monotone function of it, so the order of candidates is the
order of the encrypted distances.
"""

from __future__ import annotations

import math
from enum import StrEnum

import numpy as np

from gallery.arrays import Floats
from gallery.errors import InvalidThresholdError
from gallery.hints import Hint

__all__ = ["Metric", "check_threshold", "from_squared", "largest_distance", "to_squared"]


class Metric(StrEnum):
    """A distance between two embeddings; lower is closer.

    ``COSINE`` is 1 minus the cosine similarity, ``EUCLIDEAN`` the Euclidean distance of the raw
    embeddings, ``EUCLIDEAN_L2`` the Euclidean distance after both are scaled to norm 1.
    """

    COSINE = "cosine"
    EUCLIDEAN = "euclidean"
    EUCLIDEAN_L2 = "euclidean_l2"

    @property
    def normalizes(self) -> bool:
        """Whether embeddings are scaled to norm 1 before they are compared."""
        return self is not Metric.EUCLIDEAN


def from_squared(squared: Floats, metric: Metric, norm_bound: float) -> Floats:
    """Convert squared distances of vectors of norm at most 1 into distances of ``metric``.

    Parameters
    ----------
    squared
        Squared Euclidean distances, any shape. Slightly negative values, which the approximate
        arithmetic of CKKS gives for equal vectors, count as 0.
    metric
        The metric to convert to.
    norm_bound
        The divisor of raw embeddings; used by ``EUCLIDEAN`` alone.

    Returns
    -------
    ndarray of float64
        Distances, the shape of ``squared``, at least 0.
    """
    clipped = np.maximum(squared, 0.0)
    if metric is Metric.COSINE:
        return clipped / 2.0
    roots = np.sqrt(clipped)
    return roots * norm_bound if metric is Metric.EUCLIDEAN else roots


def to_squared(distance: float, metric: Metric, norm_bound: float) -> float:
    """Return the squared distance of vectors that `from_squared` makes a distance of.

    Parameters
    ----------
    distance
        In units of the metric, at least 0.
    metric
        The metric.
    norm_bound
        The divisor of raw embeddings; used by ``EUCLIDEAN`` alone.

    Returns
    -------
    float
        A squared Euclidean distance of vectors of norm at most 1, 0 to 4.
    """
    if metric is Metric.COSINE:
        return 2.0 * distance
    return (distance / norm_bound if metric is Metric.EUCLIDEAN else distance) ** 2


def largest_distance(metric: Metric, norm_bound: float) -> float:
    """Return the largest distance that there is: that of opposite embeddings.

    Parameters
    ----------
    metric
        The metric.
    norm_bound
        The divisor of raw embeddings; used by ``EUCLIDEAN`` alone.

    Returns
    -------
    float
        2 for ``COSINE`` and ``EUCLIDEAN_L2``, twice the bound for ``EUCLIDEAN``.
    """
    return 2.0 * norm_bound if metric is Metric.EUCLIDEAN else 2.0


def check_threshold(threshold: float, metric: Metric, norm_bound: float) -> float:
    """Return a threshold, checked: a number in the range of distances.

    Parameters
    ----------
    threshold
        Largest distance of a match, in units of the metric.
    metric
        The metric.
    norm_bound
        The divisor of raw embeddings; used by ``EUCLIDEAN`` alone.

    Returns
    -------
    float
        The same threshold.

    Raises
    ------
    InvalidThresholdError
        If it is no number of at least 0, or above every distance: everybody would match everybody.
    """
    if not (math.isfinite(threshold) and threshold >= 0.0):
        raise InvalidThresholdError("a threshold must be a number of at least 0")
    largest = largest_distance(metric, norm_bound)
    if threshold > largest:
        raise InvalidThresholdError(
            f"at a threshold of {threshold:g} everybody matches everybody: distances of the metric "
            f"{metric} go up to {largest:g}",
            hint=Hint.OTHER_THRESHOLD,
        )
    return float(threshold)

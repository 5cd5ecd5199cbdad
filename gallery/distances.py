"""Distances between embeddings, as DeepFace defines them, from squared Euclidean distances.

The encrypted comparison yields one thing only: the squared Euclidean distance between two vectors
of norm at most 1. Every metric here is a monotone function of it, so the order of candidates is the
order of the encrypted distances.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import numpy.typing as npt

__all__ = ["Metric", "from_squared"]


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


def from_squared(
    squared: npt.NDArray[np.float64], metric: Metric, norm_bound: float
) -> npt.NDArray[np.float64]:
    """Convert squared distances of vectors of norm at most 1 into distances of ``metric``.

    Parameters
    ----------
    squared
        Squared Euclidean distances, any shape. Slightly negative values, which the approximate
        arithmetic of CKKS gives for equal vectors, count as 0.
    metric
        The metric to convert to.
    norm_bound
        What raw embeddings were divided by; used by ``EUCLIDEAN`` alone.

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

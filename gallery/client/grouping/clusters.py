"""Clusters of embeddings: density (HDBSCAN) within what a threshold connects.

Density alone has no notion of a match: it makes groups of strangers, too, where nobody is there
twice. A threshold alone makes chains, in which one doubtful face connects two people. So faces are
first connected by matches, and what is connected is divided where density says so.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from gallery.arrays import Floats, Integers
from gallery.client.photos.deepface_runtime import require_modules
from gallery.distances import from_squared
from gallery.messages import GalleryDescription

ALONE: Final = -1
"""Label of what belongs to no cluster."""

_ROWS_AT_ONCE: Final = 256
"""Rows that are compared with all others together; of 100,000 these take 205 MB."""


def cluster(
    vectors: Floats, description: GalleryDescription, threshold: float, least: int = 2
) -> Integers:
    """Cluster vectors of faces; all of it happens on this machine.

    Parameters
    ----------
    vectors
        As they are compared, shape (n, d), of norm at most 1.
    description
        The gallery whose metric counts.
    threshold
        Largest distance of a match, in units of the metric.
    least
        How many faces make a cluster, at least 2.

    Returns
    -------
    ndarray of int64, shape (n,)
        Number of the cluster of each, from 0, the largest cluster first; `ALONE` where it is in
        none.

    Raises
    ------
    MissingDependencyError
        If scikit-learn is not installed.
    """
    require_modules(("sklearn",), "Grouping faces")
    found: list[Integers] = []
    for members in _connected(vectors, description, threshold):
        if len(members) >= least:
            found += [some for some in _divided(vectors, members, least) if len(some) >= least]
    labels = np.full(len(vectors), ALONE, dtype=np.int64)
    for number, members in enumerate(sorted(found, key=lambda some: (-len(some), some[0]))):
        labels[members] = number
    return labels


def _connected(
    vectors: Floats, description: GalleryDescription, threshold: float
) -> list[Integers]:
    """Return the rows of each set that matches connect, ascending."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    squares = (vectors**2).sum(axis=1)
    rows, columns = [], []
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        some = slice(start, start + _ROWS_AT_ONCE)
        squared = squares[some, np.newaxis] + squares - 2.0 * vectors[some] @ vectors.T
        distances = from_squared(
            np.maximum(squared, 0.0), description.metric, description.norm_bound
        )
        near, other = np.nonzero(distances <= threshold)
        rows.append(near + start)
        columns.append(other)
    nothing = np.zeros(0, dtype=np.int64)
    edges = np.concatenate([nothing, *rows]), np.concatenate([nothing, *columns])
    matches = coo_array((np.ones(len(edges[0])), edges), shape=(len(vectors),) * 2)
    count, labels = connected_components(matches, directed=False)
    return [np.flatnonzero(labels == number) for number in range(count)]


def _divided(vectors: Floats, members: Integers, least: int) -> list[Integers]:
    """Divide what matches connect, if it is of several dense parts; else return all of it."""
    if len(members) < 2 * least:
        return [members]
    from sklearn.cluster import HDBSCAN

    density: Any = HDBSCAN(min_cluster_size=least, allow_single_cluster=True, copy=True)
    labels = density.fit(vectors[members]).labels_
    # All in one: what is sparse at its edge matches, and belongs to it.
    if labels.max() <= 0:
        return [members]
    return [members[labels == number] for number in range(labels.max() + 1)]

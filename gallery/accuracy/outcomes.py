"""The outcomes of all folds: the distances that accuracy is computed from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gallery.accuracy.rates import mate_ranks
from gallery.accuracy.splits import Fold
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
    others, other_subjects
        Distances of all non-mated comparisons, and the subject of the probe; shape (c,). The mated
        comparisons are the mate's, since one reference of a subject is enrolled.
    """

    mated_subjects: Integers
    mate_ranks: Integers
    mate_distances: Floats
    non_mated_subjects: Integers
    nearest: Floats
    others: Floats
    other_subjects: Integers


def outcomes_of(distances: Floats, fold: Fold, subjects: Integers) -> Outcomes:
    """Return what the searches of one fold showed.

    Parameters
    ----------
    distances
        Of each of the fold's probes to each of its references, shape (m + n, g).
    fold
        The fold.
    subjects
        Subject of each sample of the labelled set.
    """
    count = len(fold.mated)
    is_mate = np.zeros(distances.shape, dtype=bool)
    is_mate[np.arange(count), fold.mates] = True
    of_probe = np.broadcast_to(subjects[fold.probes][:, None], distances.shape)
    return Outcomes(
        mated_subjects=subjects[fold.mated],
        mate_ranks=mate_ranks(distances[:count], fold.mates),
        mate_distances=distances[is_mate],
        non_mated_subjects=subjects[fold.non_mated],
        nearest=distances[count:].min(axis=1),
        others=distances[~is_mate],
        other_subjects=of_probe[~is_mate],
    )


def merged(parts: Iterable[Outcomes]) -> Outcomes:
    """Return the searches of several folds together."""
    taken = list(parts)
    return Outcomes(
        mated_subjects=np.concatenate([part.mated_subjects for part in taken]),
        mate_ranks=np.concatenate([part.mate_ranks for part in taken]),
        mate_distances=np.concatenate([part.mate_distances for part in taken]),
        non_mated_subjects=np.concatenate([part.non_mated_subjects for part in taken]),
        nearest=np.concatenate([part.nearest for part in taken]),
        others=np.concatenate([part.others for part in taken]),
        other_subjects=np.concatenate([part.other_subjects for part in taken]),
    )

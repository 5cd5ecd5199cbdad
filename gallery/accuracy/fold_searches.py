"""The searches of all folds in one gallery, so that each sample is compared with a reference once.

A sample is a probe in most of the folds, and most of their references are the same. The search of a
fold shows the distances to its own references; that others are enrolled too changes none of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gallery.accuracy.splits import Fold
from gallery.arrays import Floats, Integers


@dataclass(frozen=True, eq=False)
class FoldPart:
    """The searches of one fold among some samples.

    Attributes
    ----------
    mates
        Of each probe the column of its mate, -1 where it has none, shape (n,).
    subjects
        Subject of each probe, shape (n,).
    rows, columns
        Places of the probes and of the fold's references in the matrix of all distances.
    """

    mates: Integers
    subjects: Integers
    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]

    def of(self, distances: Floats) -> Floats:
        """Return the distances of the probes to the fold's references."""
        return np.take(distances[self.rows], self.columns, axis=1)


class FoldSearches:
    """Takes the distances of samples to all references apart into the searches of folds.

    Parameters
    ----------
    folds
        The folds.
    subjects
        Subject of each sample of the labelled set.

    Attributes
    ----------
    references
        Samples that are enrolled in any fold, ascending, shape (g,).
    """

    def __init__(self, folds: Sequence[Fold], subjects: Integers) -> None:
        self._subjects = subjects
        self.references = np.unique(np.concatenate([fold.references for fold in folds]))
        self._columns = [np.searchsorted(self.references, fold.references) for fold in folds]
        self._probes = [np.delete(np.arange(len(subjects)), fold.references) for fold in folds]
        self._mates = [_mates(fold, len(subjects)) for fold in folds]

    def among(self, samples: slice) -> Iterator[FoldPart]:
        """Yield the searches of each fold among some samples that follow each other."""
        for columns, probes, mates in zip(self._columns, self._probes, self._mates, strict=True):
            start, stop = np.searchsorted(probes, [samples.start, samples.stop])
            some = probes[start:stop]
            if len(some):
                rows = some - samples.start
                yield FoldPart(mates[some], self._subjects[some], rows, columns)


def _mates(fold: Fold, samples: int) -> Integers:
    """Return the place of each sample's mate in a fold's references, -1 where it has none."""
    mates = np.full(samples, -1)
    mates[fold.mated] = fold.mates
    return mates

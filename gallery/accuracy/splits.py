"""The folds of a labelled set: seeded splits into enrolled people and strangers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gallery.arrays import Integers
from gallery.errors import SourceError


@dataclass(frozen=True, eq=False)
class Fold:
    """One gallery and the probes that search it, as rows of the labelled set.

    Attributes
    ----------
    references
        Rows that are enrolled, one for each enrolled subject, shape (g,).
    mated
        Rows of other samples of enrolled subjects, shape (m,).
    mates
        For each of those the place of its mate in ``references``, shape (m,).
    non_mated
        Rows of all samples of subjects that are not enrolled, shape (n,).
    """

    references: Integers
    mated: Integers
    mates: Integers
    non_mated: Integers

    @property
    def probes(self) -> Integers:
        """All probes, the mated ones first."""
        return np.concatenate([self.mated, self.non_mated])


def check_split(subjects: Integers, folds: int) -> None:
    """Check that a labelled set can be split into so many folds (`SourceError`)."""
    count = int(subjects.max()) + 1 if len(subjects) else 0
    if folds < 2 or count < folds:
        raise SourceError(
            f"{count} people cannot be split into {folds} folds; there must be at least 2 folds, "
            "and no more than people"
        )
    if np.bincount(subjects).max() < 2:
        raise SourceError(
            "no person has two samples, so nobody can be searched for with another than the "
            "enrolled one; add photos of the same people"
        )


def split(subjects: Integers, folds: int, seed: int) -> tuple[Fold, ...]:
    """Split a labelled set into folds.

    The subjects are shuffled and dealt into as many groups as there are folds. In each fold one
    group are the strangers: all of their samples are non-mated probes. Of each other subject one
    sample, drawn at random, is enrolled, and the others are mated probes. So each subject is a
    stranger once and enrolled in all other folds, and a subject with one sample is never searched
    for, but fills the gallery.

    Parameters
    ----------
    subjects
        Number of the subject of each sample, from 0, shape (n,).
    folds
        At least 2.
    seed
        The same one gives the same folds.

    Raises
    ------
    SourceError
        If there are fewer subjects than folds, or no subject has two samples.
    """
    check_split(subjects, folds)
    count = int(subjects.max()) + 1
    generator = np.random.default_rng(seed)
    strangers = np.array_split(generator.permutation(count), folds)
    return tuple(_fold(subjects, group, generator) for group in strangers)


def _fold(subjects: Integers, strangers: Integers, generator: np.random.Generator) -> Fold:
    unknown = np.zeros(int(subjects.max()) + 1, dtype=bool)
    unknown[strangers] = True
    # In random order, the first sample of each subject is the one that is enrolled.
    rows = generator.permutation(len(subjects))
    known = rows[~unknown[subjects[rows]]]
    enrolled, first = np.unique(subjects[known], return_index=True)
    mated = np.sort(np.delete(known, first))
    return Fold(
        references=known[first],
        mated=mated,
        mates=np.searchsorted(enrolled, subjects[mated]),
        non_mated=np.flatnonzero(unknown[subjects]),
    )

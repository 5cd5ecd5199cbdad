"""All folds in one gallery: what each shows is what a gallery of its own would."""

from __future__ import annotations

import numpy as np
import pytest

from gallery.accuracy.fold_searches import FoldSearches
from gallery.accuracy.splits import split
from gallery.arrays import Floats

SUBJECTS = np.repeat(np.arange(9), [1, 2, 3, 1, 5, 2, 1, 4, 2])


@pytest.mark.parametrize("step", [1, 4, 100])
def test_the_searches_of_a_fold_are_its_probes_against_its_references(step: int) -> None:
    folds, count = split(SUBJECTS, 3, seed=2), len(SUBJECTS)
    # A distance says whose it is.
    distances: Floats = np.add.outer(100.0 * np.arange(count), np.arange(count, dtype=np.float64))
    searches = FoldSearches(folds, SUBJECTS)
    found: list[tuple[float, ...]] = []

    for start in range(0, count, step):
        some = slice(start, min(start + step, count))
        for part in searches.among(some):
            matrix = part.of(distances[some][:, searches.references])
            found += [
                (*row, mate, subject)
                for row, mate, subject in zip(matrix, part.mates, part.subjects, strict=True)
            ]

    expected: list[tuple[float, ...]] = []
    for fold in folds:
        mates = [*fold.mates, *[-1] * len(fold.non_mated)]
        for probe, mate in zip(fold.probes, mates, strict=True):
            expected.append((*distances[probe, fold.references], mate, SUBJECTS[probe]))
    assert sorted(found) == sorted(expected)


def test_a_sample_is_enrolled_once_whatever_the_number_of_folds_that_enroll_it() -> None:
    searches = FoldSearches(split(SUBJECTS, 4, seed=0), SUBJECTS)

    assert len(set(searches.references.tolist())) == len(searches.references)
    assert set(SUBJECTS[searches.references]) == set(range(9))

"""Folds: who is enrolled, who is searched for, who is a stranger."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.accuracy.splits import split
from gallery.errors import SourceError


@st.composite
def labelled(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    """Subjects of samples, in any order, at least one subject with two samples; and folds."""
    samples = draw(st.lists(st.integers(1, 4), min_size=2, max_size=9))
    subjects = np.repeat(np.arange(len(samples)), [samples[0] + 1, *samples[1:]])
    order = draw(st.permutations(range(len(subjects))))
    return subjects[list(order)], draw(st.integers(2, len(samples)))


@given(labelled(), st.integers(0, 5))
def test_each_fold_is_open_set(given_set: tuple[np.ndarray, int], seed: int) -> None:
    subjects, folds = given_set

    for fold in split(subjects, folds, seed):
        enrolled = subjects[fold.references]
        assert len(set(enrolled)) == len(enrolled)
        assert (subjects[fold.references[fold.mates]] == subjects[fold.mated]).all()
        assert not set(fold.mated) & set(fold.references)
        assert not set(subjects[fold.non_mated]) & set(enrolled)
        everything = np.concatenate([fold.references, fold.mated, fold.non_mated])
        assert sorted(everything) == list(range(len(subjects)))


@given(labelled(), st.integers(0, 5))
def test_everybody_is_a_stranger_once(given_set: tuple[np.ndarray, int], seed: int) -> None:
    subjects, folds = given_set

    strangers = np.concatenate([fold.non_mated for fold in split(subjects, folds, seed)])

    assert sorted(strangers) == list(range(len(subjects)))


def test_the_seed_decides() -> None:
    subjects = np.repeat(np.arange(20), 3)

    first, again, other = (split(subjects, 2, seed) for seed in (0, 0, 1))

    assert all(np.array_equal(a.probes, b.probes) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0].references, other[0].references)


@pytest.mark.parametrize(
    ("subjects", "folds", "reason"),
    [
        ([0, 0, 1], 3, "2 people cannot be split into 3 folds"),
        ([0, 0, 1], 1, "at least 2 folds"),
        ([0, 1, 2], 2, "no person has two samples"),
    ],
)
def test_what_cannot_be_split_is_refused(subjects: list[int], folds: int, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        split(np.array(subjects), folds, 0)

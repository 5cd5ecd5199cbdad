"""Comparisons by subject: groups that are chosen early count what groups of all would."""

from __future__ import annotations

import numpy as np
import pytest

from gallery.accuracy.intervals import SubjectBootstrap
from gallery.accuracy.subject_groups import GROUPS, SubjectGroups, SubjectTally

SUBJECTS, REFERENCES = 40, 50


def grouped(kept: int) -> tuple[SubjectGroups, np.ndarray, np.ndarray]:
    """Three probes of each subject; the first of them has a mate."""
    generator = np.random.default_rng(1)
    subjects = np.repeat(np.arange(SUBJECTS), 3)
    distances = np.clip(generator.normal(0.8, 0.1, (len(subjects), REFERENCES)), 0.0, 2.0)
    mates = np.where(np.arange(len(subjects)) % 3 == 0, subjects, -1)
    distances[mates >= 0, mates[mates >= 0]] = generator.uniform(0.2, 0.7, SUBJECTS)
    known = np.flatnonzero(mates >= 0)
    own = distances[known, mates[known]]
    tally = SubjectTally(SUBJECTS, 2.0, own, kept)
    for start in range(0, len(subjects), 7):
        some = slice(start, start + 7)
        tally.add(distances[some], mates[some], subjects[some])
    return tally.result(own, subjects[known]), distances, mates


@pytest.mark.parametrize("kept", [10**6, 400])
def test_every_comparison_is_in_one_group_of_its_probes_subject(kept: int) -> None:
    groups, _, _ = grouped(kept)

    assert groups.others.shape[0] == SUBJECTS
    assert groups.others.shape[1] <= GROUPS + 1
    assert groups.others.sum(axis=1).tolist() == [3 * REFERENCES - 1] * SUBJECTS
    assert groups.mated_subjects.tolist() == list(range(SUBJECTS))


def test_groups_that_are_chosen_early_hold_about_as_much_as_others() -> None:
    early, _, _ = grouped(400)

    shares = early.others.sum(axis=0) / early.others.sum()
    assert shares.max() < 0.02


@pytest.mark.parametrize("kept", [10**6, 400])
def test_the_order_of_groups_is_that_of_distances(kept: int) -> None:
    groups, distances, mates = grouped(kept)
    others = np.ones(distances.shape, dtype=bool)
    known = np.flatnonzero(mates >= 0)
    others[known, mates[known]] = False

    own = distances[known, mates[known]]
    ranks = (np.sort(distances[others])[None, :] < own[:, None]).sum(axis=1)
    below = np.concatenate([[0], np.cumsum(groups.others.sum(axis=0))])

    assert (below[groups.mated] <= ranks).all()
    assert (ranks <= below[groups.mated + 1]).all()


def test_replicates_count_a_subject_as_often_as_it_was_drawn() -> None:
    groups, _, _ = grouped(400)
    bootstrap = SubjectBootstrap(SUBJECTS, seed=3, resamples=120)

    mated, others = groups.drawn(bootstrap)

    weights = np.array(list(bootstrap))
    np.testing.assert_array_equal(others, weights @ groups.others.astype(np.int64))
    expected = np.zeros((120, groups.others.shape[1]))
    for subject, group in zip(groups.mated_subjects, groups.mated, strict=True):
        expected[:, group] += weights[:, subject]
    np.testing.assert_array_equal(mated, expected)

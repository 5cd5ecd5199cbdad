"""Accuracy with its intervals: values of the whole sample, spread of its replicates."""

from __future__ import annotations

import numpy as np
import pytest

from gallery.accuracy.open_set import SearchStatistics, measure, plain_values, rates_at
from gallery.accuracy.outcomes import Outcomes, merged, outcomes_of
from gallery.accuracy.rates import (
    cumulative_match,
    false_negative_rate,
    success_distances,
    threshold_at,
)
from gallery.accuracy.splits import split

RATES = (0.01, 0.1)
SUBJECTS = 60


@pytest.fixture(scope="module")
def outcomes() -> Outcomes:
    """Searches of 60 people with three samples each, some of which are hard."""
    generator = np.random.default_rng(2)
    centres = generator.normal(size=(SUBJECTS, 6))
    subjects = np.repeat(np.arange(SUBJECTS), 3)
    embeddings = centres[subjects] + 0.45 * generator.normal(size=(3 * SUBJECTS, 6))
    distances = np.linalg.norm(embeddings[:, None] - embeddings[None, :], axis=2)
    return merged(
        outcomes_of(distances[np.ix_(fold.probes, fold.references)], fold, subjects)
        for fold in split(subjects, 3, seed=0)
    )


def test_outcomes_take_a_matrix_apart() -> None:
    subjects = np.array([0, 0, 1, 1, 2])
    (fold, *_) = (one for one in split(subjects, 3, seed=0) if 2 in subjects[one.non_mated])
    distances = np.arange(len(fold.probes) * 2, dtype=np.float64).reshape(-1, 2)

    found = outcomes_of(distances, fold, subjects)

    assert found.mate_distances.tolist() == [0.0, 3.0]
    assert found.mate_ranks.tolist() == [1, 2]
    assert found.nearest.tolist() == [4.0]
    assert sorted(found.others.tolist()) == [1.0, 2.0, 4.0, 5.0]
    assert found.other_subjects[np.argsort(found.others)].tolist() == [0, 1, 2, 2]


def test_with_everybody_once_the_statistics_are_those_of_the_sample(outcomes: Outcomes) -> None:
    success = success_distances(outcomes.mate_distances, outcomes.mate_ranks, 1)
    thresholds = [threshold_at(outcomes.nearest, rate) for rate in RATES]

    found = SearchStatistics(outcomes, 1, RATES, 5)(np.ones(SUBJECTS, dtype=np.int64))

    np.testing.assert_allclose(found[:2], false_negative_rate(success, thresholds))
    np.testing.assert_array_equal(found[2:4], thresholds)
    np.testing.assert_allclose(found[4:], cumulative_match(outcomes.mate_ranks, 5))


def test_a_weight_counts_as_so_many_copies_of_a_subjects_searches(outcomes: Outcomes) -> None:
    weights = np.random.default_rng(1).multinomial(SUBJECTS, np.full(SUBJECTS, 1 / SUBJECTS))
    mated = np.repeat(np.arange(len(outcomes.mate_ranks)), weights[outcomes.mated_subjects])
    others = np.repeat(np.arange(len(outcomes.nearest)), weights[outcomes.non_mated_subjects])
    success = success_distances(outcomes.mate_distances, outcomes.mate_ranks, 1)[mated]
    thresholds = [threshold_at(outcomes.nearest[others], rate) for rate in RATES]

    found = SearchStatistics(outcomes, 1, RATES, 3)(weights)

    np.testing.assert_allclose(found[:2], false_negative_rate(success, thresholds))
    np.testing.assert_array_equal(found[2:4], thresholds)
    np.testing.assert_allclose(found[4:], cumulative_match(outcomes.mate_ranks[mated], 3))


def test_every_value_lies_in_its_interval(outcomes: Outcomes) -> None:
    found = measure(outcomes, gallery_size=40, rank=1, rates=RATES, subjects=SUBJECTS, seed=0)

    estimates = [*found.fnir.values(), *found.threshold.values(), *found.cmc, found.auc, found.eer]
    assert len(found.cmc) == 20
    for item in estimates:
        assert item.low is not None and item.value is not None and item.high is not None
        assert item.low <= item.value <= item.high
        assert item.low < item.high
    assert plain_values(outcomes, 1, RATES) == {
        "rank_1": found.cmc[0].value,
        "auc": found.auc.value,
        "eer": found.eer.value,
        "fnir@0.01": found.fnir[0.01].value,
        "threshold@0.01": found.threshold[0.01].value,
        "fnir@0.1": found.fnir[0.1].value,
        "threshold@0.1": found.threshold[0.1].value,
    }


def test_a_rate_that_the_sample_cannot_show_has_no_value_but_a_reason(outcomes: Outcomes) -> None:
    found = measure(outcomes, gallery_size=4, rank=1, rates=(0.001, 0.1), subjects=SUBJECTS, seed=0)

    assert found.fnir[0.001].value is None
    assert "at least 1,000" in found.fnir[0.001].note
    assert found.threshold[0.001].value is None
    assert found.fnir[0.1].value is not None
    assert len(found.cmc) == 4


def test_a_longer_candidate_list_misses_fewer(outcomes: Outcomes) -> None:
    threshold = threshold_at(outcomes.nearest, 0.9)

    (same, first), (also, within) = (rates_at(outcomes, rank, threshold) for rank in (1, 5))

    assert same == also
    assert within < first

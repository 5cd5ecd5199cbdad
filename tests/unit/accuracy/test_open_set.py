"""Accuracy with its intervals: values of the whole sample, spread of its replicates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from gallery.accuracy.fold_searches import FoldSearches
from gallery.accuracy.open_set import (
    Accuracy,
    WeightedStatistics,
    measure,
    plain_values,
    rates_at,
)
from gallery.accuracy.outcomes import Outcomes, OutcomesTally
from gallery.accuracy.rates import (
    cumulative_match,
    false_negative_rate,
    success_distances,
    threshold_at,
)
from gallery.accuracy.splits import split
from gallery.accuracy.subject_groups import SubjectGroups, SubjectTally

RATES = (0.01, 0.1)
SUBJECTS = 60


@dataclass(frozen=True, eq=False)
class Searched:
    """Searches, and their comparisons by subject."""

    outcomes: Outcomes
    groups: SubjectGroups

    def measured(self, size: int, rates: tuple[float, ...]) -> Accuracy:
        return measure(
            self.outcomes,
            self.groups,
            gallery_size=size,
            rank=1,
            rates=rates,
            subjects=SUBJECTS,
            seed=0,
        )


@pytest.fixture(scope="module")
def searched() -> Searched:
    """Searches of 60 people with three samples each, some of which are hard."""
    generator = np.random.default_rng(2)
    centres = generator.normal(size=(SUBJECTS, 6))
    subjects = np.repeat(np.arange(SUBJECTS), 3)
    embeddings = centres[subjects] + 0.45 * generator.normal(size=(3 * SUBJECTS, 6))
    distances = np.linalg.norm(embeddings[:, None] - embeddings[None, :], axis=2)
    searches = FoldSearches(split(subjects, 3, seed=0), subjects)
    largest = float(distances.max())
    tally, groups = OutcomesTally(largest), SubjectTally(SUBJECTS, largest, np.empty(0))
    for part in searches.among(slice(0, len(subjects))):
        found = part.of(distances[:, searches.references])
        tally.add(found, part.mates, part.subjects)
        groups.add(found, part.mates, part.subjects)
    outcomes = tally.result()
    return Searched(outcomes, groups.result(outcomes.mate_distances, outcomes.mated_subjects))


@pytest.fixture
def outcomes(searched: Searched) -> Outcomes:
    return searched.outcomes


def test_with_everybody_once_the_statistics_are_those_of_the_sample(outcomes: Outcomes) -> None:
    success = success_distances(outcomes.mate_distances, outcomes.mate_ranks, 1)
    thresholds = [threshold_at(outcomes.nearest, rate) for rate in RATES]

    found = WeightedStatistics(outcomes, 1, RATES, 5)(np.ones(SUBJECTS, dtype=np.int64))

    np.testing.assert_allclose(found[:2], false_negative_rate(success, thresholds))
    np.testing.assert_array_equal(found[2:4], thresholds)
    np.testing.assert_allclose(found[4:], cumulative_match(outcomes.mate_ranks, 5))


def test_a_weight_counts_as_so_many_copies_of_a_subjects_searches(outcomes: Outcomes) -> None:
    weights = np.random.default_rng(1).multinomial(SUBJECTS, np.full(SUBJECTS, 1 / SUBJECTS))
    mated = np.repeat(np.arange(len(outcomes.mate_ranks)), weights[outcomes.mated_subjects])
    others = np.repeat(np.arange(len(outcomes.nearest)), weights[outcomes.non_mated_subjects])
    success = success_distances(outcomes.mate_distances, outcomes.mate_ranks, 1)[mated]
    thresholds = [threshold_at(outcomes.nearest[others], rate) for rate in RATES]

    found = WeightedStatistics(outcomes, 1, RATES, 3)(weights)

    np.testing.assert_allclose(found[:2], false_negative_rate(success, thresholds))
    np.testing.assert_array_equal(found[2:4], thresholds)
    np.testing.assert_allclose(found[4:], cumulative_match(outcomes.mate_ranks[mated], 3))


def test_every_value_lies_in_its_interval(searched: Searched) -> None:
    found = searched.measured(40, RATES)

    estimates = [*found.fnir.values(), *found.threshold.values(), *found.cmc, found.auc, found.eer]
    assert len(found.cmc) == 20
    for item in estimates:
        assert item.low is not None and item.value is not None and item.high is not None
        assert item.low <= item.value <= item.high
        assert item.low < item.high
    assert plain_values(searched.outcomes, 1, RATES) == {
        "rank_1": found.cmc[0].value,
        "auc": found.auc.value,
        "eer": found.eer.value,
        "fnir@0.01": found.fnir[0.01].value,
        "threshold@0.01": found.threshold[0.01].value,
        "fnir@0.1": found.fnir[0.1].value,
        "threshold@0.1": found.threshold[0.1].value,
    }


def test_a_rate_that_the_sample_cannot_show_has_no_value_but_a_reason(searched: Searched) -> None:
    found = searched.measured(4, (0.001, 0.1))

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

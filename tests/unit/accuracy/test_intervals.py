"""Confidence intervals: they cover what they promise, and say where a sample is too small."""

from __future__ import annotations

import numpy as np
import pytest

from gallery.accuracy.intervals import SubjectBootstrap, rate_estimate, support


def test_replicates_draw_as_many_subjects_as_there_are() -> None:
    replicates = list(SubjectBootstrap(7, seed=1, resamples=20))

    assert len(replicates) == 20
    assert {int(weights.sum()) for weights in replicates} == {7}
    assert any((weights > 1).any() for weights in replicates)


def test_the_same_seed_gives_the_same_intervals_and_another_one_others() -> None:
    values = np.random.default_rng(0).normal(size=50)

    def mean(weights: np.ndarray) -> np.ndarray:
        return np.array([(weights * values).sum() / weights.sum()])

    first, again, other = (SubjectBootstrap(50, seed).intervals(mean) for seed in (3, 3, 4))

    assert first == again
    assert first != other


def test_intervals_of_a_mean_cover_it_about_as_often_as_they_should() -> None:
    generator = np.random.default_rng(5)
    covered = 0
    for trial in range(100):
        errors = generator.random(80) < 0.3

        def rate(weights: np.ndarray, errors: np.ndarray = errors) -> np.ndarray:
            return np.array([weights[errors].sum() / 80])

        low, high = SubjectBootstrap(80, trial, resamples=200).intervals(rate)
        covered += bool(low[0] <= 0.3 <= high[0])

    # Of a hundred 95% intervals fewer than 87 cover in less than one of a thousand runs.
    assert covered >= 87


def test_searches_of_one_subject_do_not_count_as_independent() -> None:
    owners = np.repeat(np.arange(10), 20)
    missed = owners < 3

    def rate(weights: np.ndarray) -> np.ndarray:
        drawn = weights[owners]
        return np.array([drawn[missed].sum() / drawn.sum()])

    low, high = SubjectBootstrap(10, seed=0).intervals(rate)

    # 60 misses in 200 searches, but of three people in ten: 95% of such samples, not ±6%.
    assert low[0] <= 0.1
    assert high[0] >= 0.5


def test_replicates_without_a_value_are_left_out() -> None:
    def sometimes(weights: np.ndarray) -> np.ndarray:
        return np.array([1.0 if weights[0] else np.nan, np.nan])

    low, high = SubjectBootstrap(3, seed=0, resamples=50).intervals(sometimes)

    assert (low[0], high[0]) == (1.0, 1.0)
    assert np.isnan([low[1], high[1]]).all()


@pytest.mark.parametrize(("value", "low", "high"), [(0.0, 0.0, 0.03), (1.0, 0.97, 1.0)])
def test_where_no_error_was_seen_the_rule_of_three_bounds_it(
    value: float, low: float, high: float
) -> None:
    found = rate_estimate(value, value, value, subjects=100)

    assert (found.value, found.low, found.high) == pytest.approx((value, low, high))


def test_two_subjects_without_an_error_bound_nothing() -> None:
    assert rate_estimate(0.0, 0.0, 0.0, subjects=2).high == 1.0


def test_a_rate_needs_as_many_searches_as_show_one_error() -> None:
    supported, note = support(0.001, 999)

    assert not supported
    assert "at least 1,000 non-mated searches (better 30,000); there are 999" in note
    assert support(0.001, 1000)[0]


def test_below_thirty_errors_the_estimate_says_so() -> None:
    assert "rests on 2 false positive" in support(0.01, 204)[1]
    assert support(0.01, 3000) == (True, "")

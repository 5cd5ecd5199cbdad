"""Accuracy: against scikit-learn, cases worked out by hand, and a simulation of every search."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.metrics import det_curve, roc_auc_score, roc_curve

from gallery.accuracy.rates import (
    area_under_roc,
    cumulative_match,
    equal_error_rate,
    error_curve,
    false_negative_rate,
    false_positive_rate,
    mate_ranks,
    success_distances,
    threshold_at,
)

# Few different values, so that ties are usual.
some_distances = st.lists(st.integers(0, 12), min_size=1, max_size=40).map(
    lambda values: np.array(values, dtype=np.float64)
)
rates = st.floats(0.0, 1.0, exclude_max=True)


def as_scores(mated: np.ndarray, non_mated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels and similarity scores, as scikit-learn takes them: higher is closer."""
    truth = np.concatenate([np.ones(len(mated)), np.zeros(len(non_mated))])
    return truth, -np.concatenate([mated, non_mated])


@given(some_distances, some_distances)
def test_the_area_under_the_roc_curve_is_scikit_learns(
    mated: np.ndarray, non_mated: np.ndarray
) -> None:
    expected = roc_auc_score(*as_scores(mated, non_mated))

    assert area_under_roc(mated, non_mated) == pytest.approx(expected, abs=1e-12)


@given(some_distances, some_distances)
def test_the_roc_curve_is_scikit_learns(mated: np.ndarray, non_mated: np.ndarray) -> None:
    false_positive, true_positive, scores = roc_curve(
        *as_scores(mated, non_mated), drop_intermediate=False
    )

    # Its first threshold is infinite: no score is that high, no distance that low.
    np.testing.assert_allclose(false_positive_rate(non_mated, -scores), false_positive)
    np.testing.assert_allclose(1.0 - false_negative_rate(mated, -scores), true_positive)


@given(some_distances, some_distances)
def test_the_error_curve_holds_every_point_of_scikit_learns_det_curve(
    mated: np.ndarray, non_mated: np.ndarray
) -> None:
    ours = error_curve(mated, non_mated)
    points = np.column_stack([ours.false_positive, ours.false_negative])

    for point in zip(*det_curve(*as_scores(mated, non_mated))[:2], strict=True):
        assert np.isclose(points, point).all(axis=1).any()


@given(some_distances, some_distances)
def test_an_error_curve_leads_from_no_match_to_all_matches(
    mated: np.ndarray, non_mated: np.ndarray
) -> None:
    curve = error_curve(mated, non_mated)

    assert (curve.false_positive[0], curve.false_negative[0]) == (0.0, 1.0)
    assert (curve.false_positive[-1], curve.false_negative[-1]) == (1.0, 0.0)
    assert (np.diff(curve.thresholds) > 0).all()
    assert (np.diff(curve.false_positive) >= 0).all()
    assert (np.diff(curve.false_negative) <= 0).all()


@given(some_distances, rates)
@example(np.array([0.0]), np.nextafter(1.0, 0.0))
def test_the_threshold_for_a_rate_is_the_largest_that_keeps_it(
    non_mated: np.ndarray, rate: float
) -> None:
    threshold = threshold_at(non_mated, rate)

    following = np.nextafter(threshold, np.inf)
    assert false_positive_rate(non_mated, threshold) <= rate + 1e-9
    assert false_positive_rate(non_mated, following) > rate


@pytest.mark.parametrize(("rate", "count"), [(0.07, 100), (0.1, 30), (0.29, 100), (0.01, 300)])
def test_a_rate_that_fits_the_number_of_searches_is_reached_exactly(
    rate: float, count: int
) -> None:
    distances = np.arange(count, dtype=np.float64)

    assert false_positive_rate(distances, threshold_at(distances, rate)) == pytest.approx(rate)


def test_a_distance_equal_to_the_threshold_is_a_match() -> None:
    assert false_positive_rate(np.array([0.5, 0.6]), [0.5, 0.4999]).tolist() == [0.5, 0.0]
    assert false_negative_rate(np.array([0.5, 0.6]), [0.5, 0.4999]).tolist() == [0.5, 1.0]


def test_of_equal_distances_the_earlier_reference_comes_first() -> None:
    distances = np.array([[0.2, 0.1, 0.2, 0.2], [0.3, 0.3, 0.3, 0.3], [0.9, 0.1, 0.2, 0.3]])

    assert mate_ranks(distances, np.array([2, 0, 0])).tolist() == [3, 1, 4]


@given(st.integers(1, 6), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_ranks_are_places_in_a_stable_sort(searches: int, size: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    distances = generator.integers(0, 4, (searches, size)).astype(np.float64)
    mates = generator.integers(0, size, searches)

    order = np.argsort(distances, axis=1, kind="stable")

    expected = [list(row).index(mate) + 1 for row, mate in zip(order, mates, strict=True)]
    assert mate_ranks(distances, mates).tolist() == expected


def test_the_cumulative_match_characteristic_by_hand() -> None:
    found = cumulative_match(np.array([1, 1, 3, 7]), 4)

    assert found.tolist() == [0.5, 0.5, 0.75, 0.75]


def test_the_equal_error_rate_by_hand() -> None:
    # One of four mated comparisons is farther than 0.4, one of four others is closer.
    mated, others = np.array([0.1, 0.2, 0.3, 0.6]), np.array([0.4, 0.7, 0.8, 0.9])

    assert equal_error_rate(error_curve(mated, others)) == (0.25, 0.4)


def test_separate_distances_have_no_error() -> None:
    mated, others = np.array([0.1, 0.2]), np.array([0.4, 0.7])

    assert area_under_roc(mated, others) == 1.0
    assert equal_error_rate(error_curve(mated, others)) == (0.0, 0.2)


def simulate(
    distances: np.ndarray, mates: list[int | None], threshold: float, rank: int
) -> tuple[float, float]:
    """Decide each search one by one; return FPIR and FNIR."""
    false_positives, misses = [], []
    for row, mate in zip(distances, mates, strict=True):
        candidates = sorted(range(len(row)), key=lambda column: (row[column], column))[:rank]
        within = [column for column in candidates if row[column] <= threshold]
        if mate is None:
            false_positives.append(bool(within))
        else:
            misses.append(mate not in within)
    return float(np.mean(false_positives)), float(np.mean(misses))


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(0, 6))
def test_rates_of_searches_are_those_of_a_simulation(seed: int, rank: int, threshold: int) -> None:
    generator = np.random.default_rng(seed)
    distances = generator.integers(0, 6, (9, 5)).astype(np.float64)
    mates = generator.integers(0, 5, 6)

    success = success_distances(
        distances[np.arange(6), mates], mate_ranks(distances[:6], mates), rank
    )
    nearest = distances[6:].min(axis=1)

    expected = simulate(distances, [*mates.tolist(), None, None, None], threshold, rank)
    found = false_positive_rate(nearest, threshold), false_negative_rate(success, threshold)
    assert found == pytest.approx(expected)

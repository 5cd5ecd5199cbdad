"""Counts of distances: exact where all are kept, and at every point of the grid where not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.accuracy.distance_counts import (
    CELLS,
    DistanceCounts,
    DistanceTally,
    points_per_unit,
    round_up,
)
from gallery.accuracy.rates import area_under_roc, equal_error_rate, error_curve, threshold_at
from gallery.distances import Metric, largest_distance

# As many ties as there are distances that are unlike each other.
distances_of_few = st.lists(
    st.one_of(st.integers(0, 20).map(lambda tenth: tenth / 10.0), st.floats(0.0, 2.0)),
    min_size=1,
    max_size=60,
).map(np.array)
NOBODY = -1


def counted(distances: np.ndarray, smallest: int, columns: int = 1) -> DistanceCounts:
    """Count distances, a row of some at a time."""
    tally = DistanceTally(largest=2.0, smallest=smallest)
    for start in range(0, len(distances), columns):
        tally.add(distances[None, start : start + columns], np.array([NOBODY]))
    return tally.result()


@given(distances_of_few, st.integers(1, 70), st.integers(1, 9))
def test_counts_are_exact_below_the_limit_and_at_all_points_of_the_grid(
    distances: np.ndarray, smallest: int, columns: int
) -> None:
    found = counted(distances, smallest, columns)

    thresholds = [*found.values, *np.arange(0, 20_001) / 10_000, 0.0, 2.5]
    thresholds += [value for value in distances if value < found.limit]
    expected = (distances[None, :] <= np.array(thresholds)[:, None]).sum(axis=1)
    np.testing.assert_array_equal(found.at_most(thresholds), expected)
    assert len(found) == len(distances)
    assert found.largest == distances.max()


@given(distances_of_few, st.integers(1, 70))
def test_the_smallest_are_kept_as_they_are(distances: np.ndarray, smallest: int) -> None:
    found = counted(distances, smallest)

    kept = found.values[found.values < found.limit]
    ordered = np.sort(distances)
    np.testing.assert_array_equal(kept, ordered[: len(kept)])
    if len(distances) <= smallest:
        assert math.isinf(found.limit) and len(kept) == len(distances)
    else:
        # Of equal distances all are kept or none.
        assert found.limit == ordered[smallest]
        assert len(kept) == int((ordered < ordered[smallest]).sum())


@given(distances_of_few)
def test_a_point_of_the_grid_is_not_below_the_distance_and_the_first_such(
    distances: np.ndarray,
) -> None:
    per_unit = points_per_unit(2.0)

    points = round_up(distances, per_unit)

    numbers = np.rint(points * per_unit)
    np.testing.assert_array_equal(points, numbers / per_unit)
    assert (points >= distances).all()
    assert ((numbers - 1) / per_unit < distances).all()


@pytest.mark.parametrize("metric", Metric)
@pytest.mark.parametrize("bound", [1.0, 32.0, 64.0])
def test_thresholds_of_four_decimals_are_points_of_the_grid(metric: Metric, bound: float) -> None:
    largest = largest_distance(metric, bound)
    per_unit = points_per_unit(largest)

    assert CELLS / 2.5 < per_unit * largest <= CELLS
    assert per_unit % 10_000 == 0


def test_distances_of_any_size_have_a_grid() -> None:
    assert points_per_unit(2.0 * 2.0**40) < 1.0
    assert points_per_unit(2.0 * 2.0**-40) > 1e15


def test_mates_are_not_counted() -> None:
    tally = DistanceTally(largest=2.0)
    tally.add(np.array([[0.1, 0.2], [0.3, 0.4]]), np.array([1, NOBODY]))

    assert tally.result().values.tolist() == [0.1, 0.3, 0.4]


def test_a_distance_that_noise_made_too_large_is_the_largest() -> None:
    found = counted(np.array([0.5, 1.9, 2.0 + 1e-6, 2.0 + 2e-6]), smallest=1)

    assert found.largest == 2.0 + 2e-6
    assert found.at_most([2.0 + 2e-6]).tolist() == [4]


def test_bars_are_numpys() -> None:
    distances = np.random.default_rng(0).random(1000)
    edges = np.linspace(0.0, distances.max(), 11)

    found = DistanceCounts.of(distances).between(edges)

    assert found.tolist() == np.histogram(distances, edges)[0].tolist()


@pytest.fixture(scope="module")
def many() -> tuple[np.ndarray, np.ndarray]:
    """Distances of mated and of 200,000 non-mated comparisons, which overlap."""
    generator = np.random.default_rng(4)
    mated, others = generator.normal(0.4, 0.1, 2_000), generator.normal(0.8, 0.12, 200_000)
    return np.clip(mated, 0.0, 2.0), np.clip(others, 0.0, 2.0)


def test_rates_from_counts_are_those_of_all_distances(many: tuple[np.ndarray, np.ndarray]) -> None:
    mated, others = many
    counts = counted(others, smallest=1000, columns=500)
    exact, curve = error_curve(mated, others), error_curve(mated, counts)

    assert len(counts.values) < len(others)
    places = np.searchsorted(exact.thresholds, curve.thresholds, "right") - 1
    np.testing.assert_array_equal(curve.false_positive, exact.false_positive[places])
    np.testing.assert_array_equal(curve.false_negative, exact.false_negative[places])
    wanted, found = equal_error_rate(exact), equal_error_rate(curve)
    assert found == pytest.approx(wanted, abs=5e-6)
    area = area_under_roc(mated, others)
    assert area_under_roc(mated, counts) == pytest.approx(area, abs=1e-7)


def test_a_tail_is_exact_to_the_last_bit(many: tuple[np.ndarray, np.ndarray]) -> None:
    mated, others = many
    counts = counted(others, smallest=1000, columns=500)
    exact, curve = error_curve(mated, others), error_curve(mated, counts)

    threshold = threshold_at(others, 0.004)
    assert threshold < counts.limit
    for rates in (exact, curve):
        below = rates.thresholds <= threshold
        assert rates.false_positive[below].max() == 0.004
    tail, found = (rates.thresholds[rates.thresholds < counts.limit] for rates in (exact, curve))
    np.testing.assert_array_equal(found, tail)

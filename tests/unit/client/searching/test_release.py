"""Distances as they may leave the owner's hands: without the digits that hold noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.client import release
from gallery.client.searching.release import MARGIN, largest_errors
from gallery.distances import Metric
from tests.support.builders import description

METRICS = list(Metric)
SETS = ["standard", "compact"]


@pytest.mark.parametrize(
    ("metric", "parameters", "distance", "released"),
    [
        (Metric.COSINE, "standard", 0.123456789, 0.1235),
        (Metric.COSINE, "compact", 0.123456789, 0.123),
        (Metric.EUCLIDEAN_L2, "standard", 0.987654321, 0.9877),
        (Metric.EUCLIDEAN_L2, "standard", 0.00012, 0.0),
        (Metric.EUCLIDEAN_L2, "compact", 0.987654321, 0.988),
        (Metric.EUCLIDEAN_L2, "compact", 0.01, 0.0),
    ],
)
def test_digits_that_noise_reaches_are_cut_off(
    metric: Metric, parameters: str, distance: float, released: float
) -> None:
    gallery = description(metric=metric, parameters=parameters, dimension=128, norm_bound=1.0)

    assert release(np.array([distance]), gallery)[0] == released


@given(st.floats(0.0, 2.0), st.sampled_from(METRICS), st.sampled_from(SETS), st.floats(0.5, 2000.0))
def test_two_distances_that_differ_by_noise_are_at_most_one_step_apart(
    distance: float, metric: Metric, parameters: str, norm_bound: float
) -> None:
    bound = norm_bound if metric is Metric.EUCLIDEAN else 1.0
    gallery = description(metric=metric, parameters=parameters, dimension=128, norm_bound=bound)
    exact = np.array([distance * bound])

    released = release(exact, gallery)
    error = largest_errors(exact, gallery)

    # The last digit is worth at least four times the error, and no more than it must.
    assert np.abs(released - exact) <= max(0.5e-4, 10.0 * MARGIN * error[0] / 2.0) * (1 + 1e-9)


def test_missing_candidates_stay_infinite() -> None:
    released = release(np.array([[0.12345, np.inf]]), description(dimension=128))

    assert np.isinf(released[0, 1])
    assert np.isfinite(released[0, 0])


def test_released_numbers_print_without_a_tail() -> None:
    gallery = description(metric=Metric.COSINE, parameters="standard", dimension=128)
    distances = np.arange(0, 2, 0.0137)

    assert all(len(repr(float(value))) <= 6 for value in release(distances, gallery))

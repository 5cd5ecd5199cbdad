"""Parity: what counts as a change, and which changes the arithmetic explains."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gallery.accuracy.parity import ParityTally
from gallery.distances import Metric
from gallery.parameters import STANDARD
from tests.support.builders import description

COSINE = description(metric=Metric.COSINE, dimension=128, parameters=STANDARD.name)
BOUND = STANDARD.max_distance_error(128) / 2.0
PLAIN = np.array([[0.3, 0.5, 0.9], [0.7, 0.2, 0.8]])


def compared(encrypted: np.ndarray, plain: np.ndarray = PLAIN, thresholds=(0.25, 0.4)):
    tally = ParityTally(COSINE)
    tally.add(encrypted, plain)
    return tally.result(thresholds, {"rank_1": 0.0})


def test_equal_distances_change_nothing() -> None:
    found = compared(PLAIN)

    assert (found.comparisons, found.searches, found.decisions) == (6, 2, 4)
    assert (found.max_error, found.rms_error, found.beyond_bound) == (0.0, 0.0, 0)
    assert (found.rank_1_changed, found.decisions_changed) == (0, 0)
    assert found.error_bound == pytest.approx(BOUND)
    assert found.metric_changes == {"rank_1": 0.0}


def test_errors_are_those_of_all_comparisons_of_all_folds() -> None:
    tally = ParityTally(COSINE)
    tally.add(PLAIN + np.array([[3e-9, 0, 0], [0, 0, 0]]), PLAIN)
    tally.add(PLAIN[:1] - np.array([[0, 4e-9, 0]]), PLAIN[:1])

    found = tally.result((0.25,), {})

    assert (found.comparisons, found.searches) == (9, 3)
    assert found.max_error == pytest.approx(4e-9, rel=1e-6)
    assert found.rms_error == pytest.approx(np.sqrt((9e-18 + 16e-18) / 9), rel=1e-6)


def test_an_error_beyond_its_bound_is_counted() -> None:
    errors = np.array([[0.5 * BOUND, 1.5 * BOUND, 0], [0, 0, 0]])

    assert compared(PLAIN + errors).beyond_bound == 1


def test_a_changed_decision_far_from_the_threshold_is_not_explained() -> None:
    found = compared(PLAIN + np.array([[0.2, 0.2, 0], [0, 0, 0]]))

    # The first search matched at 0.4 and does no more.
    assert (found.decisions_changed, found.decisions_unexplained) == (1, 1)
    assert found.rank_1_changed == 0


def test_a_changed_decision_at_the_threshold_is_explained() -> None:
    plain = np.array([[0.4, 0.5]])

    found = compared(plain + 0.5 * BOUND, plain)

    assert (found.decisions_changed, found.decisions_unexplained) == (1, 0)


@pytest.mark.parametrize(("gap", "unexplained"), [(BOUND, 0), (3 * BOUND, 1)])
def test_another_first_candidate_is_explained_by_a_gap_that_errors_can_close(
    gap: float, unexplained: int
) -> None:
    plain = np.array([[0.3, 0.3 + gap]])

    found = compared(plain[:, ::-1], plain)

    assert found.rank_1_changed == 1
    assert found.rank_1_unexplained == unexplained
    # Both match at 0.4, but with another.
    assert (found.decisions_changed, found.decisions_unexplained) == (1, unexplained)


def test_a_root_has_larger_bounds_near_zero() -> None:
    tally = ParityTally(replace(COSINE, metric=Metric.EUCLIDEAN_L2))
    tally.add(np.array([[1e-5, 1.0]]), np.array([[0.0, 1.0]]))

    found = tally.result((0.5,), {})

    assert found.beyond_bound == 0
    assert found.error_bound == pytest.approx(np.sqrt(2 * BOUND))

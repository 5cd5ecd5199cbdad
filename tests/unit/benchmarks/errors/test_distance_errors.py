"""Errors of distances: their size, and the decisions that they change."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.errors.distance_errors import DecisionTally, DistanceErrors
from benchmarks.errors.measurement import measure_errors
from gallery.ciphertexts.blocks import capacity
from gallery.parameters import COMPACT, LIGHT, SWIFT, ParameterSet

PLAIN = np.array([0.10, 0.28, 0.295, 0.305, 0.9])


def errors_of(*changes: float) -> DistanceErrors:
    errors = DistanceErrors(bound=0.01, decisions=(DecisionTally(0.3),))
    errors.add(PLAIN, PLAIN + np.array(changes))
    return errors


def test_errors_are_summed_up_over_all_batches() -> None:
    random = np.random.default_rng(1)
    drawn = [random.normal(size=count) for count in (100, 1, 1_000)]
    errors = DistanceErrors(bound=9.0, decisions=())
    for some in drawn:
        errors.add(np.zeros(len(some)), some)
    together = np.concatenate(drawn)
    assert errors.comparisons == 1_101
    assert errors.largest == np.abs(together).max()
    assert errors.mean == pytest.approx(together.mean())
    assert errors.standard_deviation == pytest.approx(together.std())


def test_a_decision_may_change_within_the_bound_of_the_threshold() -> None:
    errors = errors_of(0.0, 0.0, 0.008, -0.008, 0.0)
    [tally] = errors.decisions
    assert (tally.within_bound, tally.changed, tally.changed_outside) == (2, 2, 0)
    assert errors.as_stated


def test_a_decision_that_changes_elsewhere_is_not_as_stated() -> None:
    errors = errors_of(0.0, 0.03, 0.0, 0.0, 0.0)
    [tally] = errors.decisions
    assert (tally.changed, tally.changed_outside) == (1, 1)
    assert not errors.as_stated


def test_an_error_above_the_bound_is_not_as_stated() -> None:
    assert not errors_of(0.0, 0.0, 0.0, 0.0, 0.011).as_stated


@pytest.mark.parametrize("parameters", [SWIFT, LIGHT, COMPACT], ids=lambda p: p.name)
def test_the_real_scheme_is_measured(parameters: ParameterSet) -> None:
    told: list[int] = []
    errors = measure_errors(parameters, 8, capacity(parameters) * 2 + 1, 2, (1.0,), told.append)
    assert errors.comparisons == sum(told) == 4 * capacity(parameters)
    assert 0.0 < errors.standard_deviation < errors.largest <= errors.bound
    assert errors.as_stated

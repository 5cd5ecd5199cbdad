"""Weighted sums of results are those of their definition, whatever residues a server sends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery.arrays import Residues
from gallery.ciphertexts.columns import weighted_sum
from gallery.errors import MalformedMessageError
from gallery.parameters import LIGHT, SWIFT, HintedParameterSet

every_set = pytest.mark.parametrize("parameters", [SWIFT, LIGHT], ids=lambda p: p.name)


def drawn(
    parameters: HintedParameterSet, shape: tuple[int, ...], pool: list[int], seed: int
) -> Residues:
    """Return residues of a few values, each so far below its prime or above zero."""
    random = np.random.default_rng(seed)
    chosen = [random.choice([p - 1, p - 2, 0, *pool], shape[1:]) for p in parameters.data_primes]
    return np.stack(chosen).astype(np.uint32)


def by_definition(
    results: list[Residues], weights: list[Residues], parameters: HintedParameterSet
) -> Residues:
    total = np.zeros(parameters.result_shape[:2] + parameters.result_shape[3:], np.uint64)
    for number, prime in enumerate(map(np.uint64, parameters.data_primes)):
        for result, weight in zip(results, weights, strict=True):
            for at, factor in enumerate(weight[number].astype(np.uint64)):
                total[number] += result[number, :, at].astype(np.uint64) * factor % prime
                total[number] %= prime
    return total.astype(np.uint32)


@settings(deadline=None, max_examples=30)
@given(
    parameters=st.sampled_from([SWIFT, LIGHT]),
    count=st.integers(1, 40),
    pool=st.lists(st.integers(0, 2**26), max_size=3),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_mixture_of_adversarial_residues(
    parameters: HintedParameterSet, count: int, pool: list[int], seed: int
) -> None:
    results = [drawn(parameters, parameters.result_shape, pool, seed + i) for i in range(count)]
    of_weights = (len(parameters.data_primes), parameters.slices)
    weights = [drawn(parameters, of_weights, pool, seed - i) for i in range(-count, 0)]

    found = weighted_sum(results, weights, parameters)

    assert found.dtype == np.uint32
    np.testing.assert_array_equal(found, by_definition(results, weights, parameters))


@every_set
@pytest.mark.parametrize("at", [0, -1])
@pytest.mark.parametrize("prime", [0, -1])
@pytest.mark.parametrize("above", [0, 1, None])
def test_a_residue_that_is_not_below_its_prime_is_refused(
    parameters: HintedParameterSet, at: int, prime: int, above: int | None
) -> None:
    weight = np.ones((len(parameters.data_primes), parameters.slices), np.uint32)
    result = np.zeros(parameters.result_shape, np.uint32)
    largest = 2**32 - 1 if above is None else parameters.data_primes[prime] + above
    result[prime].reshape(-1)[at] = largest

    with pytest.raises(MalformedMessageError, match="not below its prime"):
        weighted_sum([np.zeros_like(result), result], [weight, weight], parameters)


@every_set
@pytest.mark.parametrize("axis", [0, 1, 2, 3])
@pytest.mark.parametrize("change", [-1, 1])
def test_results_of_other_shapes_are_refused(
    parameters: HintedParameterSet, axis: int, change: int
) -> None:
    shape = list(parameters.result_shape)
    shape[axis] += change
    weight = np.ones((len(parameters.data_primes), parameters.slices), np.uint32)
    fits, other = np.zeros(parameters.result_shape, np.uint32), np.zeros(shape, np.uint32)

    for results in ([other], [fits, other], [other, fits]):
        with pytest.raises(MalformedMessageError):
            weighted_sum(results, [weight] * len(results), parameters)

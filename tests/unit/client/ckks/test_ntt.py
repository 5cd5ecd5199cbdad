"""The transform against its definition, and against SEAL's order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gallery.client.ckks import residue_kernels
from gallery.client.ckks.ntt import Transform, bit_reversed, minimal_root, transforms
from gallery.parameters import COMPACT, INSECURE_TOY, STANDARD, ParameterSet
from tests.unit.client.ckks.conftest import SealOwner

ODD = replace(STANDARD, name="INSECURE_odd", poly_modulus_degree=2048)
"""Of a degree whose logarithm is odd: steps go two by two, and here one is left."""

every_set = pytest.mark.parametrize(
    "parameters", [STANDARD, COMPACT, INSECURE_TOY, ODD], ids=lambda p: p.name
)


def draw(parameters: ParameterSet, number: int, seed: int = 0) -> np.ndarray:
    """Return a work array of sixteen random polynomials."""
    size = residue_kernels.WIDTH * parameters.poly_modulus_degree
    prime = parameters.data_primes[number]
    return np.random.default_rng(seed).integers(0, prime, size, np.uint32)


def transformed(work: np.ndarray, transform: Transform) -> np.ndarray:
    """Return the transform of a work array, fully reduced, as uint64 of shape (N, 16)."""
    result = work.copy()
    transform.forward(result)
    return result.reshape(-1, residue_kernels.WIDTH).astype(np.uint64) % np.uint64(transform.prime)


def test_the_smallest_roots_are_the_ones_on_record() -> None:
    roots = [minimal_root(STANDARD.poly_modulus_degree, p) for p in STANDARD.data_primes]

    assert roots == [7470, 3856, 24149]
    for root, prime in zip(roots, STANDARD.data_primes, strict=True):
        assert pow(root, 4096, prime) == prime - 1


@every_set
def test_there_and_back_is_the_same(parameters: ParameterSet) -> None:
    for number, transform in enumerate(transforms(parameters)):
        work = draw(parameters, number)
        done = work.copy()

        transform.forward(done)
        done %= transform.prime
        transform.inverse(done)

        np.testing.assert_array_equal(done, work)


@pytest.mark.parametrize("parameters", [INSECURE_TOY, ODD], ids=lambda p: p.name)
def test_values_are_those_at_odd_powers_of_the_root_in_bit_reversed_order(
    parameters: ParameterSet,
) -> None:
    degree = parameters.poly_modulus_degree
    for number, transform in enumerate(transforms(parameters)):
        work, prime = draw(parameters, number), parameters.data_primes[number]
        found = transformed(work, transform)[:, 3]
        root = minimal_root(degree, prime)
        polynomial = [int(value) for value in work.reshape(-1, residue_kernels.WIDTH)[:, 3]]

        for k in (0, 1, 2, degree // 2 - 1, degree - 1):
            point, value = pow(root, 2 * k + 1, prime), 0
            for coefficient in reversed(polynomial):
                value = (value * point + coefficient) % prime
            assert found[bit_reversed(degree)[k]] == value


def test_products_of_transforms_are_negacyclic_products() -> None:
    transform, prime = transforms(INSECURE_TOY)[0], INSECURE_TOY.data_primes[0]
    one, other = draw(INSECURE_TOY, 0, seed=1), draw(INSECURE_TOY, 0, seed=2)

    product = transformed(one, transform) * transformed(other, transform) % np.uint64(prime)
    work = product.astype(np.uint32).reshape(-1)
    transform.inverse(work)

    for lane in (0, 15):
        a, b = (w.reshape(-1, residue_kernels.WIDTH)[:, lane].astype(object) for w in (one, other))
        plain = np.convolve(a, b)
        folded = plain[:1024].copy()
        folded[:1023] -= plain[1024:]
        np.testing.assert_array_equal(
            work.reshape(-1, residue_kernels.WIDTH)[:, lane], (folded % prime).astype(np.uint32)
        )


@pytest.mark.parametrize("value", [0, 1, -1])
def test_the_largest_and_smallest_residues_do_not_overflow(value: int) -> None:
    for transform in transforms(STANDARD):
        work = np.full(residue_kernels.WIDTH * 4096, value % int(transform.prime), np.uint32)

        back = transformed(work, transform).astype(np.uint32).reshape(-1)
        transform.inverse(back)

        np.testing.assert_array_equal(back, work)


def test_seals_plaintexts_are_in_this_order(owner: SealOwner) -> None:
    # x**(N/2) is i at every other slot and -i between: 1 + 2 x**(N/2) and nothing else.
    parameters = owner.parameters
    degree, scale = parameters.poly_modulus_degree, parameters.column_scale
    positions = np.concatenate([np.ones(degree // 2), np.tile([2.0, -2.0], degree // 4)])

    encoded = owner.encode(positions, scale)

    for row, transform in zip(encoded, transforms(parameters), strict=True):
        work = np.repeat(row, residue_kernels.WIDTH)
        transform.inverse(work)
        expected = np.zeros(degree, np.int64)
        expected[[0, degree // 2]] = np.array([scale, 2 * scale]) % int(transform.prime)
        np.testing.assert_array_equal(work.reshape(degree, -1)[:, 0], expected)

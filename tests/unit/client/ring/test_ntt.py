"""The transform against its definition."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gallery.client.ring import residue_kernels
from gallery.client.ring.ntt import (
    Transform,
    bit_reversed,
    make_transform,
    minimal_root,
    transforms,
    with_quotients,
)
from gallery.client.ring.ntt_kernels import NARROW
from gallery.parameters import COMPACT, INSECURE_TOY, LIGHT, STANDARD, SWIFT, CkksParameterSet
from tests.support.polynomials import negacyclic_product

ODD = replace(STANDARD, name="INSECURE_odd", poly_modulus_degree=2048)
"""Of a degree whose logarithm is odd: steps go two by two, and here one is left."""

every_set = pytest.mark.parametrize(
    "parameters", [STANDARD, COMPACT, INSECURE_TOY, ODD], ids=lambda p: p.name
)


def draw(parameters: CkksParameterSet, number: int, seed: int = 0) -> np.ndarray:
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
def test_there_and_back_is_the_same(parameters: CkksParameterSet) -> None:
    for number, transform in enumerate(transforms(parameters)):
        work = draw(parameters, number)
        done = work.copy()

        transform.forward(done)
        done %= transform.prime
        transform.inverse(done)

        np.testing.assert_array_equal(done, work)


@pytest.mark.parametrize("parameters", [INSECURE_TOY, ODD], ids=lambda p: p.name)
def test_values_are_those_at_odd_powers_of_the_root_in_bit_reversed_order(
    parameters: CkksParameterSet,
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


# --- primes of up to 30 bits, and the subring of probes -------------------------------------------

WIDE = [
    make_transform(4096, LIGHT.data_primes[0]),
    make_transform(2048, LIGHT.data_primes[0]),
    *(
        make_transform(s.probe_degree, p, pow(minimal_root(4096, p), s.slices, p))
        for s in (LIGHT, SWIFT)
        for p in s.data_primes
    ),
]
every_transform = pytest.mark.parametrize(
    "transform", WIDE, ids=lambda t: f"{t.roots.shape[-1]}-{t.prime}"
)


def extremes(transform: Transform, kind: str) -> np.ndarray:
    """Return a work array of residues below 4p, or of the largest."""
    size, prime = residue_kernels.WIDTH * transform.roots.shape[-1], int(transform.prime)
    if kind == "random":
        return np.random.default_rng(0).integers(0, prime, size, np.uint32)
    return np.full(size, {"p - 1": prime - 1, "4p - 1": 4 * prime - 1}[kind], np.uint32)


@every_transform
@pytest.mark.parametrize("kind", ["random", "p - 1", "4p - 1"])
def test_wide_primes_give_values_at_odd_powers_of_the_root(transform: Transform, kind: str) -> None:
    work, prime = extremes(transform, kind), int(transform.prime)
    degree = transform.roots.shape[-1]
    found = transformed(work, transform)
    # The powers of psi stand in bit-reversed order: psi itself at the bit-reversal of 1.
    root = int(transform.roots[0, bit_reversed(degree)[1]])
    assert pow(root, degree, prime) == prime - 1

    for lane in (0, 15):
        polynomial = [int(v) for v in work.reshape(degree, residue_kernels.WIDTH)[:, lane]]
        for k in (0, 1, degree // 2, degree - 1):
            point, value = pow(root, 2 * k + 1, prime), 0
            for coefficient in reversed(polynomial):
                value = (value * point + coefficient) % prime
            assert found[bit_reversed(degree)[k], lane] == value


@every_transform
@pytest.mark.parametrize("kind", ["random", "p - 1"])
@pytest.mark.parametrize("addend", [0, 1, "half", "most"])
def test_wide_primes_there_and_back(transform: Transform, kind: str, addend: int | str) -> None:
    work, prime = extremes(transform, kind), int(transform.prime)
    added = {"half": prime // 2, "most": prime - 1}.get(str(addend), addend)
    assert isinstance(added, int)
    back = transformed(work, transform).astype(np.uint32).reshape(-1)

    transform.inverse(back, addend=added)

    np.testing.assert_array_equal(back, (work.astype(np.uint64) + added) % prime)


@every_transform
def test_wide_primes_take_and_leave_what_they_say(transform: Transform) -> None:
    work, prime = extremes(transform, "4p - 1"), int(transform.prime)
    transform.forward(work)
    bound = 4 if prime >= NARROW else 32
    assert work.max() < bound * prime
    # The inverse takes residues below 2p.
    large = np.full_like(work, 2 * prime - 1)
    transform.inverse(large)
    small = np.full_like(work, prime - 1)
    transform.inverse(small)
    np.testing.assert_array_equal(large, small)


@pytest.mark.parametrize("prime", [*SWIFT.data_primes, *LIGHT.data_primes])
def test_products_in_the_subring_are_products_slice_by_slice(prime: int) -> None:
    # Value i of R belongs to point i // m of the subring, so that a probe's value meets m of R's.
    parameters = LIGHT if prime in LIGHT.data_primes else SWIFT
    degree, inner, slices = 4096, parameters.probe_degree, parameters.slices
    random = np.random.default_rng(0)
    block, probe = random.integers(0, prime, degree), random.integers(0, prime, inner)
    spread = np.zeros(degree, np.int64)
    spread[::slices] = probe
    ring = make_transform(degree, prime)
    subring = make_transform(inner, prime, pow(minimal_root(degree, prime), slices, prime))

    def values(polynomial: np.ndarray, transform: Transform) -> np.ndarray:
        work = np.repeat(polynomial.astype(np.uint32), residue_kernels.WIDTH)
        return transformed(work, transform)[:, 0]

    np.testing.assert_array_equal(values(spread, ring), np.repeat(values(probe, subring), slices))
    product = values(block, ring) * values(spread, ring) % np.uint64(prime)
    back = np.repeat(product.astype(np.uint32), residue_kernels.WIDTH)
    ring.inverse(back)
    exact = negacyclic_product(block, spread, degree)
    np.testing.assert_array_equal(back[:: residue_kernels.WIDTH], [c % prime for c in exact])


@pytest.mark.parametrize("prime", [*SWIFT.data_primes, *LIGHT.data_primes, STANDARD.data_primes[0]])
def test_quotients_are_rounded_down(prime: int) -> None:
    ends = [0, 1, 2, prime // 2, prime - 2, prime - 1]
    factors = np.array([*ends, *np.random.default_rng(0).integers(0, prime, 10_000)], np.uint32)

    found = with_quotients(factors, prime)

    np.testing.assert_array_equal(found[0], factors)
    expected = [(int(factor) << 32) // prime for factor in factors]
    np.testing.assert_array_equal(found[1], expected)
    assert with_quotients(1, prime).tolist() == [1, 2**32 // prime]

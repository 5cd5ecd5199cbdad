"""Encoding against SEAL's own encoder, coefficient by coefficient."""

from __future__ import annotations

import numpy as np
import pytest

from gallery.client.ckks.encoding import encoder
from gallery.client.ring import residue_kernels
from gallery.client.ring.crt import CrtComposer
from gallery.client.ring.ntt import transforms
from gallery.parameters import COMPACT, INSECURE_TOY, STANDARD, CkksParameterSet
from tests.unit.client.ckks.conftest import SealOwner

ALL = (STANDARD, COMPACT, INSECURE_TOY)


def slots(kind: str, degree: int) -> np.ndarray:
    """Return positions of an adversarial or an ordinary kind."""
    random = np.random.default_rng(0)
    values = {
        "random": random.uniform(-1.5, 1.5, degree),
        "zero": np.zeros(degree),
        "first": np.eye(1, degree)[0],
        "last": np.eye(1, degree, degree - 1)[0],
        "equal": np.full(degree, 1.5),
        "alternating": np.tile([1.5, -1.5], degree // 2),
        "tiny": random.uniform(-1e-12, 1e-12, degree),
    }
    return values[kind]


@pytest.mark.parametrize(
    "kind", ["random", "zero", "first", "last", "equal", "alternating", "tiny"]
)
def test_coefficients_are_those_of_seal_to_one_rounding(owner: SealOwner, kind: str) -> None:
    parameters, scale = owner.parameters, owner.parameters.column_scale
    degree = parameters.poly_modulus_degree
    works = [
        np.repeat(row, residue_kernels.WIDTH) for row in owner.encode(slots(kind, degree), scale)
    ]
    theirs = CrtComposer(parameters).compose(works, 1)[0]

    found = encoder(degree).coefficients(slots(kind, degree)[None], scale)[0]

    assert np.abs(found - theirs).max() <= 1
    assert (found != theirs).mean() < 0.02


@pytest.mark.parametrize("degree", [1024, 4096])
def test_decoding_undoes_encoding(degree: int) -> None:
    positions = np.random.default_rng(1).uniform(-1.5, 1.5, (3, degree))

    coefficients = encoder(degree).coefficients(positions, 2.0**40)

    assert coefficients.dtype == np.int64
    found = encoder(degree).positions(coefficients / 2.0**40)
    # Half a unit of rounding in each of N coefficients.
    np.testing.assert_allclose(found, positions, atol=6 * np.sqrt(degree / 12) * 2.0**-40)


def test_a_slot_is_the_value_at_a_power_of_three_of_the_root() -> None:
    degree = 1024
    coefficients = np.random.default_rng(2).uniform(-1, 1, degree)
    found = encoder(degree).positions(coefficients[None])[0]

    for slot in (0, 1, 2, 3, 511):
        exponent = pow(3, slot, 2 * degree)
        powers = np.exp(1j * np.pi * exponent * np.arange(degree) / degree)
        value = (coefficients * powers).sum()
        assert found[slot] + 1j * found[slot + degree // 2] == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("parameters", ALL, ids=lambda p: p.name)
def test_composition_is_exact_to_the_rounding_of_one_double(parameters: CkksParameterSet) -> None:
    modulus, degree = parameters.data_modulus, parameters.poly_modulus_degree
    edges = [0, 1, -1, 2**52 + 1, -(2**52) - 1, modulus // 2, -(modulus // 2), modulus // 3]
    values = (edges * degree)[:degree]
    works = []
    for transform in transforms(parameters):
        residues = np.array([value % int(transform.prime) for value in values], np.uint32)
        work = np.repeat(residues, residue_kernels.WIDTH)
        transform.forward(work)
        works.append(work % transform.prime)

    found = CrtComposer(parameters).compose(works, 16)

    assert found.shape == (16, degree)
    np.testing.assert_allclose(found[5], [float(value) for value in values], rtol=2.0**-51)
    np.testing.assert_array_equal(found[0], found[15])

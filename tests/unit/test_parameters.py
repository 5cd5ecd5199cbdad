"""Parameter sets: primes, security, noise and error bounds."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
import tenseal.sealapi as seal

from gallery.errors import DimensionMismatchError, ParameterSetError
from gallery.parameters import (
    COMPACT,
    INSECURE_TOY,
    LIGHT,
    MAX_DIMENSION,
    NOISE_SIGMA,
    PARAMETER_SETS,
    STANDARD,
    SWIFT,
    CkksParameterSet,
    HintedParameterSet,
    find_parameters,
)

ALL = [STANDARD, COMPACT, INSECURE_TOY]
every_set = pytest.mark.parametrize("parameters", ALL, ids=lambda p: p.name)


@every_set
def test_data_primes_are_those_that_seal_chooses_but_its_last(parameters: CkksParameterSet) -> None:
    sizes = list(parameters.coeff_mod_bit_sizes)

    moduli = seal.CoeffModulus.Create(parameters.poly_modulus_degree, sizes)

    assert tuple(m.value() for m in moduli)[:-1] == parameters.data_primes


@pytest.mark.parametrize(
    ("parameters", "bits", "security"), [(STANDARD, 81, 128), (COMPACT, 54, 256)]
)
def test_sets_for_galleries(parameters: CkksParameterSet, bits: int, security: int) -> None:
    assert parameters.data_modulus == math.prod(parameters.data_primes)
    assert parameters.data_modulus_bits == bits
    assert parameters.security_bits == security
    assert (parameters.slots, parameters.tiles) == (2048, 256)
    assert not parameters.is_insecure


@every_set
def test_half_a_grid_step_is_seven_deviations_of_slot_noise_or_more(
    parameters: CkksParameterSet,
) -> None:
    assert parameters.grid / 2 > 6.9 * parameters.column_noise


def test_noise_sigma_is_that_of_a_fresh_encryption() -> None:
    made = seal.EncryptionParameters(seal.SCHEME_TYPE.CKKS)
    made.set_poly_modulus_degree(4096)
    made.set_coeff_modulus(seal.CoeffModulus.Create(4096, list(STANDARD.coeff_mod_bit_sizes)))
    context = seal.SEALContext(made, True, seal.SEC_LEVEL_TYPE.TC128)
    key = seal.KeyGenerator(context).secret_key()
    encoder, plaintext, ciphertext = seal.CKKSEncoder(context), seal.Plaintext(), seal.Ciphertext()
    encoder.encode(0.0, STANDARD.column_scale, plaintext)
    seal.Encryptor(context, key).encrypt_symmetric(plaintext, ciphertext)
    seal.Decryptor(context, key).decrypt(ciphertext, plaintext)

    noise = np.array(encoder.decode_complex(plaintext)) * STANDARD.column_scale

    # 4,096 samples: the estimate's own deviation is about one percent.
    assert np.std([noise.real, noise.imag]) == pytest.approx(NOISE_SIGMA * 2048**0.5, rel=0.08)


@pytest.mark.parametrize("dimension", [1, 128, 512, MAX_DIMENSION])
def test_error_bounds_are_far_below_what_tells_faces_apart(dimension: int) -> None:
    assert 1e-8 < STANDARD.max_distance_error(dimension) < 1e-7
    assert 1e-4 < COMPACT.max_distance_error(dimension) < 1e-3


@pytest.mark.parametrize("dimension", [0, -1, MAX_DIMENSION + 1])
def test_error_bound_of_an_unsupported_dimension_is_refused(dimension: int) -> None:
    for parameters in PARAMETER_SETS.values():
        with pytest.raises(DimensionMismatchError, match="supported"):
            parameters.max_distance_error(dimension)


@pytest.mark.parametrize("name", ["standard", "compact", "swift", "light"])
def test_sets_are_found_by_name(name: str) -> None:
    assert find_parameters(name) is PARAMETER_SETS[name]
    assert find_parameters(name).name == name


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(
        ParameterSetError, match="'fast'; there are: swift, light, standard, compact"
    ):
        find_parameters("fast")


def test_insecure_sets_are_refused_unless_asked_for() -> None:
    with pytest.raises(ParameterSetError, match="insecure"):
        find_parameters("INSECURE_toy")
    assert find_parameters("INSECURE_toy", allow_insecure=True) is INSECURE_TOY
    assert INSECURE_TOY.is_insecure
    assert INSECURE_TOY.security_bits == 0
    assert INSECURE_TOY.name not in PARAMETER_SETS


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"poly_modulus_degree": 4095}, "ring degree"),
        ({"data_primes": ()}, "one data prime fewer"),
        ({"data_primes": STANDARD.data_primes[:2]}, "one data prime fewer"),
        ({"data_primes": (134012929, 134111233, 134176771)}, "1 modulo 8192"),
        ({"data_primes": (134012929, 134111233, 8193)}, "27 bits"),
        ({"column_scale": 2.0**41}, "half the data modulus"),
        ({"sentinel": 4.0}, "sentinel is not above"),
        ({"grid": 2.0**-30}, "grid step"),
        ({"coeff_mod_bit_sizes": (27, 27, 28, 28)}, "128 bits"),
    ],
)
def test_inconsistent_sets_cannot_be_made(changes: dict[str, object], why: str) -> None:
    with pytest.raises(ParameterSetError, match=why):
        replace(STANDARD, **changes)  # type: ignore[arg-type]


def test_a_weak_set_must_say_so_in_its_name() -> None:
    with pytest.raises(ParameterSetError, match="128 bits"):
        replace(INSECURE_TOY, name="toy")


@pytest.mark.parametrize(
    ("parameters", "bits", "security", "slices", "packed"),
    [(SWIFT, 54, 256, 8, 27), (LIGHT, 30, 192, 16, 30)],
    ids=["swift", "light"],
)
def test_hinted_sets_for_galleries(
    parameters: HintedParameterSet, bits: int, security: int, slices: int, packed: int
) -> None:
    assert parameters.data_modulus_bits == bits
    assert parameters.security_bits == security
    assert (parameters.slices, parameters.residue_bits) == (slices, packed)
    assert parameters.block_shape(7)[-3:] == (slices, 7, 16)
    assert math.prod(parameters.block_shape(1)) == 4096 * len(parameters.data_primes)
    assert math.prod(parameters.probe_shape(1)) * slices == math.prod(parameters.block_shape(1))
    assert parameters.column_count(128, normalized=True) == 128
    assert parameters.column_count(128, normalized=False) == 129
    assert not parameters.is_insecure


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"probe_degree": 24}, "does not divide"),
        ({"probe_degree": 8}, "does not divide"),
        ({"data_primes": (134111235, 134176769)}, "1 modulo 8192"),
        ({"data_primes": (8193,)}, "27 to 30 bits"),
        ({"rank": 2}, "128 bits"),
        ({"data_primes": SWIFT.data_primes * 3}, "128 bits"),
    ],
)
def test_inconsistent_hinted_sets_cannot_be_made(changes: dict[str, object], why: str) -> None:
    with pytest.raises(ParameterSetError, match=why):
        replace(SWIFT, **changes)  # type: ignore[arg-type]


def test_sets_are_frozen_and_hashable() -> None:
    with pytest.raises(FrozenInstanceError):
        STANDARD.grid = 0.0  # type: ignore[misc]
    assert len({*ALL, STANDARD}) == 3

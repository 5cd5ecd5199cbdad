"""The native backend against SEAL: each opens what the other made, to the noise and no more."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from gallery.ciphertexts.blocks import (
    columns_shape,
    distances_shape,
    empty_columns,
    from_tiles,
    probe_constants,
    to_tiles,
)
from gallery.ciphertexts.seeds import expand
from gallery.client.ckks.native import NativeCodec
from gallery.client.ckks.secret_key import SecretKey
from gallery.errors import InvalidEmbeddingError, MalformedMessageError, ParameterSetError
from gallery.evaluator import make_evaluator
from gallery.parameters import COMPACT, INSECURE_TOY, MAX_DIMENSION, CkksParameterSet
from tests.unit.client.ckks.conftest import SealOwner

LARGEST_NOISE = 7.0
"""In standard deviations; a normal value is beyond it once in 4e11."""


def block(parameters: CkksParameterSet, dimension: int, seed: int = 0) -> np.ndarray:
    """Return the columns of a half-full block: unit vectors, empty positions, the sentinel."""
    columns = empty_columns(dimension, parameters)
    count = parameters.poly_modulus_degree // 2 + 7
    values = np.random.default_rng(seed).uniform(-1.0, 1.0, (dimension + 2, count))
    columns[:, :count] = np.rint(values / parameters.grid) * parameters.grid
    return columns


def everywhere(constants: np.ndarray, parameters: CkksParameterSet) -> np.ndarray:
    """Return the positions of constants: the real part of every slot; shape (n, N)."""
    halves = constants[:, None] * np.ones(parameters.slots)
    return np.concatenate([halves, np.zeros_like(halves)], axis=1)


def probe(dimension: int, seed: int = 0) -> np.ndarray:
    """Return the constants of a probe of norm 1."""
    vector = np.random.default_rng(seed).normal(size=dimension)
    return probe_constants(vector / np.linalg.norm(vector))


# 16 ciphertexts are worked on at once: fewer, exactly as many, one more.
@pytest.mark.parametrize("dimension", [1, 14, 15])
def test_seal_decrypts_columns_of_the_native_backend(owner: SealOwner, dimension: int) -> None:
    parameters, columns = owner.parameters, block(owner.parameters, dimension)

    residues = owner.native.encrypt_columns(columns).residues

    assert residues.shape == columns_shape(dimension, parameters)
    found = [owner.decrypt(item, parameters.column_scale) for item in from_tiles(residues)]
    assert np.abs(found - columns).max() < LARGEST_NOISE * parameters.column_noise


@pytest.mark.parametrize("dimension", [1, 14, 15])
def test_seal_decrypts_constants_of_the_native_backend(owner: SealOwner, dimension: int) -> None:
    parameters, constants = owner.parameters, probe(dimension)

    residues = owner.native.encrypt_constants(constants).residues

    assert residues.shape == columns_shape(dimension, parameters)
    found = [owner.decrypt(item, parameters.probe_scale) for item in from_tiles(residues)]
    error = np.abs(found - everywhere(constants, parameters)).max()
    assert error < LARGEST_NOISE * parameters.probe_noise


def test_the_native_engine_decrypts_columns_of_seal(owner: SealOwner) -> None:
    parameters, columns = owner.parameters, block(owner.parameters, 15)
    encrypted = np.stack([owner.encrypt(row, parameters.column_scale) for row in columns])

    found = owner.native.decrypt_columns(to_tiles(encrypted))

    assert np.abs(found - columns).max() < LARGEST_NOISE * parameters.column_noise
    theirs = [owner.decrypt(item, parameters.column_scale) for item in encrypted]
    # The noise is the same, so only the rounding of two Fourier transforms tells them apart.
    np.testing.assert_allclose(found, theirs, atol=1e-4 * parameters.column_noise)


def test_a_decrypted_column_rounds_back_to_the_grid(owner: SealOwner) -> None:
    columns, grid = block(owner.parameters, 6), owner.parameters.grid

    found = owner.native.decrypt_columns(owner.native.encrypt_columns(columns).residues)

    np.testing.assert_array_equal(np.rint(found / grid), np.rint(columns / grid))


@pytest.mark.parametrize("count", [1, 3, 17])
def test_both_decrypt_distances_alike(owner: SealOwner, count: int) -> None:
    parameters, columns = owner.parameters, block(owner.parameters, 5)
    constants = [probe(5, seed) for seed in range(count)]
    residues = owner.native.encrypt_columns(columns).residues
    probes = [owner.native.encrypt_constants(one).residues for one in constants]
    results = make_evaluator().distances_many(residues, probes, parameters)

    found = owner.native.decrypt_distances_many(list(results))

    plain = np.array(constants) @ columns
    noise = parameters.max_distance_error(5) / 6
    assert found.shape == (count, parameters.poly_modulus_degree)
    # Columns of any values, not of unit vectors, as the bound has them.
    assert np.abs(found - plain).max() < 20 * noise
    scale = parameters.column_scale * parameters.probe_scale
    theirs = [owner.decrypt(result, scale) for result in results]
    np.testing.assert_allclose(found, theirs, atol=1e-6 * noise)
    np.testing.assert_array_equal(owner.native.decrypt_distances(results[-1]), found[-1])


def test_an_empty_block_is_full_of_the_sentinel(owner: SealOwner) -> None:
    # The largest distances that there are, equal in every slot: all in one coefficient.
    parameters = owner.parameters
    sums = make_evaluator().distances(
        owner.native.encrypt_columns(empty_columns(2, parameters)).residues,
        owner.native.encrypt_constants(probe_constants(np.zeros(2))).residues,
        parameters,
    )

    found = owner.native.decrypt_distances(sums)

    np.testing.assert_allclose(found, parameters.sentinel, atol=parameters.max_distance_error(2))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_what_cannot_be_encoded_is_refused(owner: SealOwner, value: float) -> None:
    columns = np.zeros((3, owner.parameters.poly_modulus_degree))
    columns[1, 7] = value

    with pytest.raises(InvalidEmbeddingError, match="too large to be encrypted"):
        owner.native.encrypt_columns(columns)
    with pytest.raises(InvalidEmbeddingError, match="too large to be encrypted"):
        owner.native.encrypt_constants(np.array([0.0, value, 0.0]))


def test_the_second_polynomials_are_those_of_the_seed(owner: SealOwner) -> None:
    encryption = owner.native.encrypt_constants(probe(3))

    assert encryption.seed is not None
    uniform = expand(encryption.seed, 5, owner.parameters)
    np.testing.assert_array_equal(encryption.residues[..., 1, :], uniform)


def test_residues_are_below_their_primes(owner: SealOwner) -> None:
    residues = owner.native.encrypt_columns(block(owner.parameters, 15)).residues

    largest = residues.reshape(len(owner.parameters.data_primes), -1).max(axis=1)
    assert (largest < owner.parameters.data_primes).all()
    # A hundred thousand uniform values come close.
    assert (largest > 0.999 * np.array(owner.parameters.data_primes)).all()


def test_two_encryptions_of_the_same_share_neither_seed_nor_ciphertext(owner: SealOwner) -> None:
    columns, constants = block(owner.parameters, 1), probe(1)

    made = [owner.native.encrypt_columns(columns) for _ in range(2)]
    made += [owner.native.encrypt_constants(constants) for _ in range(2)]

    assert len({encryption.seed for encryption in made}) == 4
    for first, second in ((0, 1), (2, 3)):
        equal = made[first].residues == made[second].residues
        # Uniform residues agree once in 2**27.
        assert equal.mean() < 1e-3
        assert not (equal.all(axis=(0, 1, 3, 4))).any()


def test_read_only_and_strided_residues_are_decrypted_where_they_are(owner: SealOwner) -> None:
    columns = block(owner.parameters, 1)
    residues = owner.native.encrypt_columns(columns).residues
    expected = owner.native.decrypt_columns(residues)
    frozen = np.frombuffer(residues.tobytes(), np.uint32).reshape(residues.shape)
    strided = np.repeat(residues, 2, axis=2)[:, :, ::2]

    np.testing.assert_array_equal(owner.native.decrypt_columns(frozen), expected)
    np.testing.assert_array_equal(owner.native.decrypt_columns(strided), expected)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda a: a.astype(np.uint64), id="uint64"),
        pytest.param(lambda a: a[:, :-1], id="a tile or a polynomial too few"),
        pytest.param(lambda a: a[..., :-1], id="a coefficient too few"),
        pytest.param(lambda a: np.concatenate([a, a]), id="too many primes"),
    ],
)
def test_residues_of_another_type_or_shape_are_not_read(owner: SealOwner, change: Callable) -> None:
    columns = np.zeros(columns_shape(1, owner.parameters), np.uint32)
    results = np.zeros((1, *distances_shape(owner.parameters)), np.uint32)

    with pytest.raises(MalformedMessageError, match="not uint32 of shape"):
        owner.native.decrypt_columns(change(columns))
    with pytest.raises(MalformedMessageError, match="not uint32 of shape"):
        owner.native.decrypt_distances(change(results[0]))


def test_threads_may_share_a_codec(owner: SealOwner) -> None:
    probes = [probe(20, seed) for seed in range(8)]

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(owner.native.encrypt_constants, probes))

    scale = owner.parameters.column_scale / owner.parameters.probe_scale
    for constants, encryption in zip(probes, made, strict=True):
        found = owner.native.decrypt_columns(encryption.residues) * scale
        error = np.abs(found - everywhere(constants, owner.parameters)).max()
        assert error < LARGEST_NOISE * owner.parameters.probe_noise


def test_the_largest_dimension_can_be_encrypted_and_decrypted(owner: SealOwner) -> None:
    if owner.parameters is not INSECURE_TOY:
        pytest.skip("a quarter of the memory says the same")
    columns = block(owner.parameters, MAX_DIMENSION)

    found = owner.native.decrypt_columns(owner.native.encrypt_columns(columns).residues)

    assert np.abs(found - columns).max() < LARGEST_NOISE * owner.parameters.column_noise


# --- the key --------------------------------------------------------------------------------------


def test_under_another_key_nothing_is_left_of_a_value(owner: SealOwner) -> None:
    columns = np.zeros((3, owner.parameters.poly_modulus_degree))
    # Minus s is a key too.
    primes = np.array(owner.parameters.data_primes, np.uint32)[:, None]
    other = NativeCodec(
        SecretKey(np.where(owner.key_residues, primes - owner.key_residues, 0), owner.parameters),
        owner.parameters,
    )

    found = other.decrypt_columns(owner.native.encrypt_columns(columns).residues)

    assert np.abs(found).max() > 1e3


def test_a_key_with_one_wrong_residue_is_refused(owner: SealOwner) -> None:
    wrong = owner.key_residues.copy()
    wrong[-1, 5] ^= 1

    with pytest.raises(MalformedMessageError, match=owner.parameters.name):
        SecretKey(wrong, owner.parameters)


def test_a_key_under_primes_in_another_order_is_refused(owner: SealOwner) -> None:
    with pytest.raises(MalformedMessageError):
        SecretKey(owner.key_residues[::-1], owner.parameters)


def test_a_parameter_set_of_more_primes_than_the_engine_takes_is_refused() -> None:
    more = CkksParameterSet(
        "INSECURE_four_primes",
        poly_modulus_degree=1024,
        coeff_mod_bit_sizes=(27, 27, 27, 27, 28),
        data_primes=(134072321, 134111233, 134176769, 134203393),
        column_scale=INSECURE_TOY.column_scale,
        probe_scale=INSECURE_TOY.probe_scale,
        grid=INSECURE_TOY.grid,
    )
    zero = SecretKey(np.zeros((4, 1024), np.uint32), more)

    with pytest.raises(ParameterSetError, match="only the backend seal"):
        NativeCodec(zero, more)


def test_secrets_of_the_engine_are_redacted(owner: SealOwner) -> None:
    secret = SecretKey(owner.key_residues, owner.parameters)

    assert repr(secret) == "<SecretKey: redacted>"
    assert repr(owner.native) == "<NativeCodec: redacted>"


def test_compact_needs_half_the_bits_that_a_double_has_left() -> None:
    # What `LARGEST_ENCODED` promises of every modulus.
    assert COMPACT.data_modulus / 2 > 2**51 * 2**0.5

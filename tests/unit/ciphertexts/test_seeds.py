"""Seed expansion, against its definition and residues on record."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery.ciphertexts.seeds import SEED_SIZE, expand, expand_into
from gallery.errors import MalformedMessageError
from gallery.parameters import COMPACT, STANDARD, CkksParameterSet, find_parameters
from tests.support.builders import random_columns
from tests.support.residues import keystream, slow_expand

VECTORS = sorted(
    (Path(__file__).parents[2] / "vectors" / "residues").glob("expansion-*.json"),
)
SEED = bytes(range(32))

each_set = pytest.mark.parametrize("parameters", [STANDARD, COMPACT], ids=lambda p: p.name)
seeds = st.binary(min_size=SEED_SIZE, max_size=SEED_SIZE)


def slow(seed: bytes, columns: int, parameters: CkksParameterSet) -> np.ndarray:
    count = parameters.poly_modulus_degree * columns
    found = slow_expand(seed, parameters.data_primes, count)
    return np.array(found, np.uint32).reshape(-1, parameters.tiles, columns, 16)


def test_there_are_vectors_of_both_parameter_sets() -> None:
    assert [path.stem for path in VECTORS] == ["expansion-compact", "expansion-standard"]


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_a_seed_on_record_gives_the_residues_on_record(path: Path) -> None:
    vector = json.loads(path.read_text("utf-8"))
    parameters = find_parameters(vector["parameters"])
    assert isinstance(parameters, CkksParameterSet)

    found = expand(bytes.fromhex(vector["seed"]), vector["columns"], parameters)

    for of_prime, expected in zip(found.reshape(len(found), -1), vector["primes"], strict=True):
        assert of_prime[:8].tolist() == expected["first"]
        assert of_prime[-8:].tolist() == expected["last"]
        assert hashlib.sha256(of_prime.astype("<u4").tobytes()).hexdigest() == expected["sha256"]


@each_set
@settings(max_examples=5)
@given(seed=seeds, columns=st.integers(1, 3))
def test_residues_are_the_words_of_the_keystream_that_are_below_the_prime(
    parameters: CkksParameterSet, seed: bytes, columns: int
) -> None:
    assert np.array_equal(expand(seed, columns, parameters), slow(seed, columns, parameters))


@pytest.mark.parametrize("columns", [16, 17, 40])
def test_nothing_is_lost_where_one_chunk_of_the_keystream_ends(columns: int) -> None:
    assert np.array_equal(expand(SEED, columns, COMPACT), slow(SEED, columns, COMPACT))


def test_some_words_are_dropped_so_that_the_others_are_uniform() -> None:
    prime = STANDARD.data_primes[0]
    words = [word % 2**27 for word in keystream(SEED, 0, 4096)]

    dropped = sum(word >= prime for word in words)

    # Of 2**27 words 204,799 are not below the prime: 6.2 of 4,096.
    assert 0 < dropped < 20
    kept = [word for word in words if word < prime]
    assert expand(SEED, 1, STANDARD)[0].reshape(-1)[: len(kept)].tolist() == kept


@each_set
def test_all_residues_are_below_their_prime_and_spread_over_its_whole_range(
    parameters: CkksParameterSet,
) -> None:
    found = expand(SEED, 32, parameters)

    for of_prime, prime in zip(found, parameters.data_primes, strict=True):
        count = of_prime.size
        shares, _ = np.histogram(of_prime, bins=16, range=(0, prime))
        assert of_prime.max() < prime
        assert abs(of_prime.mean() / prime - 0.5) < 5 / np.sqrt(12 * count)
        # Chi squared with 15 degrees of freedom exceeds 44.3 once in ten thousand.
        assert np.sum((shares - count / 16) ** 2) / (count / 16) < 44.3


def test_every_bit_of_the_seed_and_every_prime_has_a_stream_of_its_own() -> None:
    near = [
        bytes(byte ^ (1 << bit % 8 if place == bit // 8 else 0) for place, byte in enumerate(SEED))
        for bit in range(256)
    ]

    starts = {
        stream.reshape(-1)[:4].tobytes()
        for seed in [SEED, *near]
        for stream in expand(seed, 1, COMPACT)
    }

    assert len(starts) == 2 * 257


@each_set
def test_expanding_into_ciphertexts_leaves_their_first_polynomials(
    parameters: CkksParameterSet,
) -> None:
    before = random_columns(parameters, 3)
    residues = before.copy()

    expand_into(residues, SEED, parameters)

    assert np.array_equal(residues[..., 0, :], before[..., 0, :])
    assert np.array_equal(residues[..., 1, :], expand(SEED, 5, parameters))


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_a_seed_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(MalformedMessageError, match=f"a seed has {size} bytes, not 32"):
        expand(bytes(size), 1, COMPACT)
    with pytest.raises(MalformedMessageError, match=f"a seed has {size} bytes, not 32"):
        expand_into(random_columns(), bytes(size), COMPACT)

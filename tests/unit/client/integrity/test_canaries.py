"""Canaries: predictable for the owner, and spoiled by every wrong result."""

from __future__ import annotations

import numpy as np
import pytest

from gallery.ciphertexts.blocks import canary_positions, empty_columns, place, probe_constants
from gallery.client.embeddings.templates import round_to_grid
from gallery.client.integrity.canaries import Canaries
from gallery.client.keys.secrets import GalleryKey
from gallery.errors import WrongResultError
from gallery.parameters import COMPACT, STANDARD, CkksParameterSet
from tests.support.builders import GALLERY_ID

KEY = GalleryKey(bytes(range(32)), {})
DIMENSION = 128
CANARIES = Canaries(KEY, GALLERY_ID, STANDARD)

each_set = pytest.mark.parametrize("parameters", [STANDARD, COMPACT], ids=lambda p: p.name)


def probe_vector(seed: int = 0) -> np.ndarray:
    vector = np.random.default_rng(seed).normal(size=DIMENSION)
    return vector / np.linalg.norm(vector)


def result(
    vector: np.ndarray, index: int, version: int, parameters: CkksParameterSet = STANDARD
) -> np.ndarray:
    """Return what an honest server's answer decrypts to, but for the noise."""
    columns = empty_columns(DIMENSION, parameters)
    canaries = Canaries(KEY, GALLERY_ID, parameters).templates(index, version, DIMENSION)
    place(columns, canary_positions(parameters), canaries)
    return probe_constants(vector) @ columns


def refuse(squared: np.ndarray, vector: np.ndarray, index: int = 2, version: int = 7) -> None:
    with pytest.raises(WrongResultError, match=f"the result for block {index} does not belong"):
        CANARIES.check(squared, vector, index, version)


# --- derivation -----------------------------------------------------------------------------------


@each_set
@pytest.mark.parametrize("dimension", [1, 2, 128, 4096])
def test_canaries_are_two_unit_vectors_on_the_grid(
    parameters: CkksParameterSet, dimension: int
) -> None:
    templates = Canaries(KEY, GALLERY_ID, parameters).templates(0, 1, dimension)

    assert templates.shape == (2, dimension)
    assert np.array_equal(round_to_grid(templates, parameters), templates)
    rounding = parameters.grid / 2 * np.sqrt(dimension)
    assert np.all(np.abs(np.linalg.norm(templates, axis=1) - 1.0) <= rounding)


def test_canaries_are_the_same_whenever_they_are_derived() -> None:
    again = Canaries(GalleryKey(bytes(range(32)), {}), GALLERY_ID, STANDARD)

    assert np.array_equal(CANARIES.templates(2, 7, 128), again.templates(2, 7, 128))


def test_canaries_differ_by_block_version_gallery_and_key() -> None:
    made = [
        CANARIES.templates(2, 7, 128),
        CANARIES.templates(3, 7, 128),
        CANARIES.templates(2, 8, 128),
        Canaries(KEY, bytes(16), STANDARD).templates(2, 7, 128),
        Canaries(GalleryKey(bytes(32), {}), GALLERY_ID, STANDARD).templates(2, 7, 128),
    ]

    vectors = np.concatenate(made)

    similarities = np.abs(vectors @ vectors.T - np.eye(len(vectors)))
    assert similarities.max() < 0.5, "two canaries are alike"


def test_canaries_of_an_older_version_are_those_of_that_version_whatever_was_asked_before() -> None:
    used, fresh = (Canaries(KEY, GALLERY_ID, STANDARD) for _ in range(2))
    for version, dimension in ((7, 128), (8, 128), (8, 64)):
        used.templates(2, version, dimension)

    assert np.array_equal(used.templates(2, 7, 128), fresh.templates(2, 7, 128))


def test_an_index_cannot_pass_for_a_part_of_a_version() -> None:
    assert not np.array_equal(CANARIES.templates(0, 2**32, 8), CANARIES.templates(1, 0, 8))


# --- checking -------------------------------------------------------------------------------------


@each_set
def test_an_honest_result_passes(parameters: CkksParameterSet) -> None:
    vector = probe_vector()

    Canaries(KEY, GALLERY_ID, parameters).check(result(vector, 2, 7, parameters), vector, 2, 7)


@each_set
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_noise_within_the_promised_error_passes(parameters: CkksParameterSet, sign: float) -> None:
    vector = probe_vector()
    noise = sign * parameters.max_distance_error(DIMENSION)

    noisy = result(vector, 2, 7, parameters) + noise

    Canaries(KEY, GALLERY_ID, parameters).check(noisy, vector, 2, 7)


def test_what_other_positions_hold_does_not_matter() -> None:
    vector = probe_vector()
    squared = result(vector, 2, 7)
    others = np.setdiff1d(np.arange(4096), canary_positions(STANDARD))
    squared[others] = np.random.default_rng(0).uniform(0, 4, len(others))

    CANARIES.check(squared, vector, 2, 7)


@pytest.mark.parametrize("canary", [0, 1])
@pytest.mark.parametrize("shift", [-1.0, -1e-6, 1e-6, 1.0, 1e19, np.nan, np.inf, -np.inf])
def test_one_canary_out_of_place_is_enough(canary: int, shift: float) -> None:
    vector = probe_vector()
    squared = result(vector, 2, 7)
    squared[canary_positions(STANDARD)[canary]] += shift

    refuse(squared, vector)


def test_the_result_of_another_probe_is_refused() -> None:
    refuse(result(probe_vector(1), 2, 7), probe_vector(0))


def test_the_result_of_nearly_the_same_probe_is_refused() -> None:
    vector = probe_vector()
    other = vector + 1e-4 * probe_vector(1)

    refuse(result(other, 2, 7), vector)


@pytest.mark.parametrize(("index", "version"), [(1, 7), (2, 6), (2, 8), (7, 2)])
def test_the_result_of_another_block_or_version_is_refused(index: int, version: int) -> None:
    vector = probe_vector()

    refuse(result(vector, index, version), vector)


@pytest.mark.parametrize("fill", [0.0, 1.0, 6.0, 1e19])
def test_a_result_that_is_the_same_everywhere_is_refused(fill: float) -> None:
    refuse(np.full(4096, fill), probe_vector())


def test_exchanged_canaries_are_refused() -> None:
    vector = probe_vector()
    squared = result(vector, 2, 7)
    places = canary_positions(STANDARD)
    squared[places] = squared[places[::-1]]

    refuse(squared, vector)


def test_the_error_holds_no_distance() -> None:
    vector = probe_vector()
    squared = result(vector, 2, 7)
    squared[canary_positions(STANDARD)] = 1.23456

    with pytest.raises(WrongResultError) as caught:
        CANARIES.check(squared, vector, 2, 7)

    assert "1.23" not in str(caught.value)


def test_one_wrong_result_among_several_is_noticed() -> None:
    vectors = np.stack([probe_vector(seed) for seed in range(3)])
    squared = np.stack([result(vector, 2, 7) for vector in vectors])
    CANARIES.check(squared, vectors, 2, 7)

    refuse(squared[[0, 2, 1]], vectors)
    refuse(np.stack([squared[0], squared[1], result(vectors[2], 2, 8)]), vectors)

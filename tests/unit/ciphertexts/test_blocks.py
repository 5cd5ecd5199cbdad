"""The layout of a block, in plain numbers: nothing here is encrypted."""

from __future__ import annotations

import numpy as np
import pytest

from gallery.arrays import residue_bytes
from gallery.ciphertexts.blocks import (
    canary_positions,
    capacity,
    clear,
    column_count,
    columns_shape,
    distances_shape,
    empty_columns,
    from_slots,
    from_tiles,
    place,
    position_count,
    probe_constants,
    reference_positions,
    to_slots,
    to_tiles,
)
from gallery.errors import DimensionMismatchError
from gallery.parameters import COMPACT, INSECURE_TOY, STANDARD, CkksParameterSet

every_set = pytest.mark.parametrize(
    "parameters", [STANDARD, COMPACT, INSECURE_TOY], ids=lambda p: p.name
)
each_dimension = pytest.mark.parametrize("dimension", [1, 2, 128, 512])


def unit_ball(count: int, dimension: int, seed: int = 0) -> np.ndarray:
    """Return random vectors with norms between 0 and 1."""
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(count, dimension))
    lengths = random.uniform(size=(count, 1))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True) * lengths


def compare(columns: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Return what the server computes, in clear: the sum over columns times constants."""
    return probe_constants(vector) @ columns


@pytest.mark.parametrize("parameters", [STANDARD, COMPACT], ids=lambda p: p.name)
def test_a_block_has_4096_positions_and_room_for_4094_references(
    parameters: CkksParameterSet,
) -> None:
    assert position_count(parameters) == 4096
    assert capacity(parameters) == 4094
    assert len(reference_positions(parameters)) == 4094


@every_set
def test_canaries_and_references_share_the_positions_without_overlap(
    parameters: CkksParameterSet,
) -> None:
    canaries, references = canary_positions(parameters), reference_positions(parameters)

    together = np.sort(np.concatenate([canaries, references]))

    assert np.array_equal(together, np.arange(position_count(parameters)))
    assert np.all(np.diff(references) > 0)


@every_set
def test_one_canary_lies_in_the_real_half_and_one_in_the_imaginary_half(
    parameters: CkksParameterSet,
) -> None:
    first, second = canary_positions(parameters)

    assert first < parameters.slots <= second
    assert first % parameters.slots == second % parameters.slots


@each_dimension
@every_set
def test_the_sum_is_the_squared_euclidean_distance_at_every_position(
    parameters: CkksParameterSet, dimension: int
) -> None:
    count = position_count(parameters)
    templates, probes = unit_ball(count, dimension), unit_ball(3, dimension, seed=1)
    columns = empty_columns(dimension, parameters)
    place(columns, np.arange(count), templates)

    for probe in probes:
        squared = compare(columns, probe)

        expected = np.square(templates - probe).sum(axis=1)
        np.testing.assert_allclose(squared, expected, rtol=0, atol=1e-14)


@each_dimension
@every_set
def test_an_empty_position_is_at_the_sentinel_whatever_the_probe(
    parameters: CkksParameterSet, dimension: int
) -> None:
    columns = empty_columns(dimension, parameters)
    probes = [np.zeros(dimension), *unit_ball(3, dimension), np.eye(1, dimension)[0]]

    for probe in probes:
        assert np.all(compare(columns, probe) == parameters.sentinel)


def test_an_empty_position_is_farther_than_any_two_vectors_of_norm_one_can_be() -> None:
    columns, probe = empty_columns(2, STANDARD), np.array([1.0, 0.0])
    place(columns, np.array([0]), np.array([[-1.0, 0.0]]))

    squared = compare(columns, probe)

    assert squared[0] == 4.0
    assert squared[1:].min() > 4.0


def test_placing_templates_leaves_every_other_position_as_it_was() -> None:
    columns, before = empty_columns(8, STANDARD), empty_columns(8, STANDARD)
    places = np.array([5, 0, 4095])

    place(columns, places, unit_ball(3, 8))

    others = np.setdiff1d(np.arange(4096), places)
    assert np.array_equal(columns[:, others], before[:, others])
    assert not np.any(np.all(columns[:, places] == before[:, places], axis=0))


def test_templates_are_placed_in_the_order_of_their_positions() -> None:
    columns, templates = empty_columns(8, STANDARD), unit_ball(3, 8)

    place(columns, np.array([2000, 7, 3000]), templates)

    for position, template in zip([2000, 7, 3000], templates, strict=True):
        assert compare(columns, template)[position] == pytest.approx(0.0, abs=1e-15)


@every_set
def test_a_cleared_position_keeps_nothing_of_its_template(parameters: CkksParameterSet) -> None:
    columns, places = empty_columns(8, parameters), np.array([3, 900])
    place(columns, places, unit_ball(2, 8))

    clear(columns, places, parameters)

    assert np.array_equal(columns, empty_columns(8, parameters))


def test_clearing_leaves_every_other_position_as_it_was() -> None:
    columns, templates = empty_columns(8, STANDARD), unit_ball(4096, 8)
    place(columns, np.arange(4096), templates)
    before = columns.copy()

    clear(columns, np.array([17]), STANDARD)

    assert np.array_equal(np.delete(columns, 17, axis=1), np.delete(before, 17, axis=1))


@each_dimension
def test_a_block_has_two_columns_more_than_values_and_a_probe_a_constant_for_each(
    dimension: int,
) -> None:
    assert column_count(dimension) == dimension + 2
    assert empty_columns(dimension, STANDARD).shape == (dimension + 2, 4096)
    assert probe_constants(np.zeros(dimension)).shape == (dimension + 2,)
    assert columns_shape(dimension, STANDARD)[2] == dimension + 2


@every_set
def test_a_position_below_the_half_is_a_real_part_and_one_above_an_imaginary_part(
    parameters: CkksParameterSet,
) -> None:
    count, half = position_count(parameters), parameters.slots

    slots = to_slots(np.arange(count, dtype=np.float64))

    assert slots.shape == (half,)
    assert np.array_equal(slots.real, np.arange(half))
    assert np.array_equal(slots.imag, np.arange(half, count))


def test_slots_turn_back_into_the_same_positions_for_any_number_of_columns() -> None:
    values = np.random.default_rng(3).normal(size=(5, 4096))

    assert np.array_equal(from_slots(to_slots(values)), values)
    assert np.array_equal(from_slots(to_slots(values[0])), values[0])


def test_multiplying_slots_by_a_real_constant_multiplies_every_position_by_it() -> None:
    values = np.random.default_rng(3).normal(size=4096)

    assert np.array_equal(from_slots(-1.75 * to_slots(values)), -1.75 * values)


@every_set
def test_ciphertexts_turn_into_tiles_and_back(parameters: CkksParameterSet) -> None:
    shape = (5, 2, len(parameters.data_primes), parameters.poly_modulus_degree)
    residues = np.random.default_rng(4).integers(0, 2**27, shape, dtype=np.uint32)

    tiled = to_tiles(residues)

    assert tiled.shape == columns_shape(3, parameters)
    assert tiled.dtype == np.uint32
    assert tiled.flags.c_contiguous
    assert np.array_equal(from_tiles(tiled), residues)


def test_a_coefficient_lies_in_the_lane_and_tile_that_the_format_says() -> None:
    columns, polynomials, primes, degree = 3, 2, 2, 64
    residues = np.arange(columns * polynomials * primes * degree, dtype=np.uint32).reshape(
        columns, polynomials, primes, degree
    )

    tiled = to_tiles(residues)

    for column, polynomial, prime, coefficient in np.ndindex(residues.shape):
        cell = tiled[prime, coefficient // 16, column, polynomial, coefficient % 16]
        assert cell == residues[column, polynomial, prime, coefficient]


@pytest.mark.parametrize(("parameters", "per_value"), [(STANDARD, 24), (COMPACT, 16)])
def test_a_value_takes_eight_bytes_for_each_prime_at_rest(
    parameters: CkksParameterSet, per_value: int
) -> None:
    assert residue_bytes(columns_shape(128, parameters)) == per_value * 4096 * 130


def test_distances_are_three_polynomials_whatever_the_dimension() -> None:
    assert distances_shape(STANDARD) == (3, 3, 4096)
    assert distances_shape(COMPACT) == (3, 2, 4096)


@pytest.mark.parametrize("dimension", [-1, 0, 4097, 2**32 - 1])
def test_a_dimension_beyond_1_to_4096_has_no_shape(dimension: int) -> None:
    with pytest.raises(DimensionMismatchError, match="between 1 and 4096"):
        columns_shape(dimension, STANDARD)

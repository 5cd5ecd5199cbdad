"""Of hinted sets, the native evaluator gives the bits of the definition, and SEAL's refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery.backends import Backend
from gallery.ciphertexts.columns import sums_of_products
from gallery.ciphertexts.product_kernel import PROBES_AT_ONCE, columns_per_fold
from gallery.errors import (
    DimensionMismatchError,
    GalleryError,
    MalformedMessageError,
    ParameterSetError,
)
from gallery.evaluator import make_evaluator
from gallery.hints import Hint
from gallery.parameters import LIGHT, MAX_DIMENSION, SWIFT, HintedParameterSet
from tests.support.numpy_evaluator import NumpyEvaluator

every_set = pytest.mark.parametrize("parameters", [SWIFT, LIGHT], ids=lambda p: p.name)


def draw(parameters: HintedParameterSet, shape: tuple[int, ...], seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.stack([random.integers(0, p, shape[1:], np.uint32) for p in parameters.data_primes])


def block(parameters: HintedParameterSet, columns: int, seed: int = 0) -> np.ndarray:
    return draw(parameters, parameters.block_shape(columns), seed)


def probe(parameters: HintedParameterSet, columns: int, seed: int = 1000) -> np.ndarray:
    return draw(parameters, parameters.probe_shape(columns), seed)


def filled(parameters: HintedParameterSet, shape: tuple[int, ...], below_prime: int) -> np.ndarray:
    primes = parameters.data_primes
    return np.stack([np.full(shape[1:], p - below_prime, np.uint32) for p in primes])


def check(found: np.ndarray, c: np.ndarray, y: np.ndarray, parameters: HintedParameterSet) -> None:
    assert found.dtype == np.uint32
    np.testing.assert_array_equal(found, NumpyEvaluator().distances(c, y, parameters))


def test_sums_are_folded_after_as_many_columns_as_fit() -> None:
    found = {p.name: {*map(columns_per_fold, p.data_primes)} for p in (SWIFT, LIGHT)}

    # The tests below take this many columns, and one more.
    assert found == {"swift": {1024, 1025}, "light": {16}}


@every_set
@pytest.mark.parametrize("columns", [1, 2, 15, 16, 17, 32, 33, 128, 1030])
def test_distances_are_the_sums_of_products(parameters: HintedParameterSet, columns: int) -> None:
    c, y = block(parameters, columns), probe(parameters, columns)

    check(make_evaluator().distances(c, y, parameters), c, y, parameters)


@every_set
@pytest.mark.parametrize("columns", [1023, 1024, 1025, 2049, MAX_DIMENSION + 1])
@pytest.mark.parametrize("below_prime", [1, 2])
def test_sums_are_folded_before_they_overflow(
    parameters: HintedParameterSet, columns: int, below_prime: int
) -> None:
    c = filled(parameters, parameters.block_shape(columns), below_prime)
    y = filled(parameters, parameters.probe_shape(columns), 1)

    found = make_evaluator().distances(c, y, parameters)

    # (p - a) * (p - 1) is a modulo p.
    assert (found == columns * below_prime).all()


@every_set
@pytest.mark.parametrize("columns", [1, 16, 17, 128])
def test_largest_residues_and_zeros(parameters: HintedParameterSet, columns: int) -> None:
    evaluator = make_evaluator()
    c = filled(parameters, parameters.block_shape(columns), 1)
    y = filled(parameters, parameters.probe_shape(columns), 1)

    assert (evaluator.distances(c, y, parameters) == columns).all()
    assert not evaluator.distances(np.zeros_like(c), y, parameters).any()
    assert not evaluator.distances(c, np.zeros_like(y), parameters).any()


@settings(deadline=None, max_examples=30)
@given(data=st.data(), columns=st.integers(1, 40), parameters=st.sampled_from([SWIFT, LIGHT]))
def test_any_mixture_of_adversarial_residues(
    data: st.DataObject, columns: int, parameters: HintedParameterSet
) -> None:
    arrays = []
    for shape in (parameters.block_shape(columns), parameters.probe_shape(columns)):
        random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        from_prime = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
        low = data.draw(st.lists(st.integers(0, 2**26), max_size=3))
        pools = [
            np.array([p - b for b in from_prime] + low, np.uint32) for p in parameters.data_primes
        ]
        arrays.append(np.stack([random.choice(pool, shape[1:]) for pool in pools]))
    c, y = arrays

    check(make_evaluator().distances(c, y, parameters), c, y, parameters)


@every_set
@pytest.mark.parametrize("threads", [1, 2, 3, 4])
def test_any_number_of_probes_and_threads_gives_what_each_gives(
    parameters: HintedParameterSet, threads: int
) -> None:
    evaluator, c = make_evaluator(threads=threads), block(parameters, 19)
    probes = [probe(parameters, 19, 100 + i) for i in range(17)]
    assert len(probes) > 4 * PROBES_AT_ONCE
    expected = NumpyEvaluator().distances_many(c, probes, parameters)

    for count in range(18):
        found = evaluator.distances_many(c, probes[:count], parameters)

        assert found.shape == (count, *parameters.result_shape)
        np.testing.assert_array_equal(found, expected[:count])


@every_set
@pytest.mark.parametrize(("blocks", "probes"), [(0, 2), (2, 0), (1, 1), (3, 1), (2, 2), (3, 5)])
def test_several_blocks_give_what_each_gives(
    parameters: HintedParameterSet, blocks: int, probes: int
) -> None:
    columns = [block(parameters, 5, i) for i in range(blocks)]
    constants = [probe(parameters, 5, 100 + i) for i in range(probes)]

    found = make_evaluator().distances_of_blocks(columns, constants, parameters)

    assert [len(of_block) for of_block in found] == [probes] * blocks
    for c, of_block in zip(columns, found, strict=True):
        for y, distances in zip(constants, of_block, strict=True):
            check(distances, c, y, parameters)
            assert distances.base is None or distances.base.size == distances.size


@every_set
@pytest.mark.parametrize("shift", [0, 1, 4, 17])
def test_read_only_and_unaligned_buffers_are_read_where_they_lie(
    parameters: HintedParameterSet, shift: int
) -> None:
    c, y = (
        np.frombuffer(bytes(shift) + array.tobytes(), "<u4", offset=shift).reshape(array.shape)
        for array in (block(parameters, 4), probe(parameters, 4))
    )
    assert not c.flags.writeable

    check(make_evaluator().distances(c, y, parameters), c, y, parameters)


def reject(
    error: type[GalleryError], c: Any, y: Any, parameters: HintedParameterSet = LIGHT
) -> None:
    good_block, good_probe = block(parameters, 4), probe(parameters, 4)
    for threads in (1, 3):
        evaluator = make_evaluator(threads=threads)
        with pytest.raises(error):
            evaluator.distances(c, y, parameters)
        with pytest.raises(error):
            evaluator.distances_many(c, [good_probe, y, good_probe, good_probe], parameters)
        with pytest.raises(error):
            evaluator.distances_of_blocks([good_block, c], [good_probe, y], parameters)


@every_set
@pytest.mark.parametrize("where", [(0, 0, 0, 0, 0), (-1, 3, 5, 2, 7), (-1, -1, -1, -1, -1)])
@pytest.mark.parametrize("excess", [0, 1, 2**32 - 1 - 2**30])
def test_residues_not_below_their_prime_are_refused(
    parameters: HintedParameterSet, where: tuple[int, ...], excess: int
) -> None:
    c, y = block(parameters, 4), probe(parameters, 4)
    bad_block, bad_probe = c.copy(), y.copy()
    bad_block[where] = parameters.data_primes[where[0]] + excess
    bad_probe[where[:2] + where[3:]] = parameters.data_primes[where[0]] + excess

    reject(MalformedMessageError, bad_block, y, parameters)
    reject(MalformedMessageError, c, bad_probe, parameters)
    with pytest.raises(MalformedMessageError):
        sums_of_products([bad_block], [y], parameters)


CHANGES = [
    pytest.param(lambda a: a.astype(np.uint64), id="uint64"),
    pytest.param(lambda a: a.view(np.int32), id="int32"),
    pytest.param(lambda a: a.astype(">u4"), id="big-endian"),
    pytest.param(lambda a: a[:0].copy(), id="no primes"),
    pytest.param(lambda a: a[:, :15].copy(), id="tiles"),
    pytest.param(lambda a: a[:, :0].copy(), id="no tiles"),
    pytest.param(lambda a: a[..., :0, :].copy(), id="no columns"),
    pytest.param(lambda a: a[..., :15].copy(), id="lanes"),
    pytest.param(lambda a: a[..., :0].copy(), id="no lanes"),
    pytest.param(lambda a: a.reshape(-1), id="flat"),
    pytest.param(lambda a: a[None], id="one axis more"),
    pytest.param(lambda a: np.repeat(a, 2, axis=-2)[..., ::2, :], id="strided"),
    pytest.param(lambda a: np.asfortranarray(a), id="column-major"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_arrays_that_are_not_in_the_layout_are_refused(change: Any) -> None:
    c, y = block(LIGHT, 4), probe(LIGHT, 4)

    reject(MalformedMessageError, change(c), y)
    reject(MalformedMessageError, c, change(y))


@pytest.mark.parametrize("slices", [0, 1, 15])
def test_blocks_of_another_number_of_slices_are_refused(slices: int) -> None:
    reject(MalformedMessageError, block(LIGHT, 4)[:, :, :slices].copy(), probe(LIGHT, 4))


def test_arrays_of_another_parameter_set_are_refused() -> None:
    reject(MalformedMessageError, block(SWIFT, 4), probe(SWIFT, 4))


def test_blocks_and_probes_of_several_dimensions_are_refused() -> None:
    reject(DimensionMismatchError, block(LIGHT, 4), probe(LIGHT, 5))
    with pytest.raises(DimensionMismatchError):
        make_evaluator().distances_of_blocks([block(LIGHT, 4), block(LIGHT, 5)], [], LIGHT)


def test_more_columns_than_supported_are_refused() -> None:
    many, y = (
        np.zeros(shape_of(MAX_DIMENSION + 2), np.uint32)
        for shape_of in (LIGHT.block_shape, LIGHT.probe_shape)
    )

    with pytest.raises(ParameterSetError, match="4098 columns"):
        make_evaluator().distances(many, y, LIGHT)


@every_set
def test_seal_refuses_the_set_by_its_name(parameters: HintedParameterSet) -> None:
    evaluator, c, y = make_evaluator(Backend.SEAL), block(parameters, 1), probe(parameters, 1)

    for refused in (
        lambda: evaluator.distances(c, y, parameters),
        lambda: evaluator.distances_many(c, [y], parameters),
        lambda: evaluator.distances_of_blocks([c], [y], parameters),
    ):
        with pytest.raises(ParameterSetError, match=f"seal.*{parameters.name}") as caught:
            refused()
        assert caught.value.hint is Hint.USE_NATIVE_BACKEND

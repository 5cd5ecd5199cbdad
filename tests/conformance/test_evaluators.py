"""Of CKKS sets, both evaluators give the bits of the definition, and so those of each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery.backends import Backend
from gallery.errors import (
    DimensionMismatchError,
    GalleryError,
    MalformedMessageError,
    ParameterSetError,
)
from gallery.evaluator import Evaluator, make_evaluator
from gallery.evaluator.scan_kernel import BLOCKS_AT_ONCE
from gallery.parameters import COMPACT, INSECURE_TOY, MAX_DIMENSION, STANDARD, CkksParameterSet
from tests.support.numpy_evaluator import NumpyEvaluator
from tests.support.residues import random_residues

both = pytest.mark.parametrize("backend", Backend)
every_set = pytest.mark.parametrize("parameters", [STANDARD, COMPACT], ids=lambda p: p.name)


def definition(columns: np.ndarray, probe: np.ndarray, parameters: CkksParameterSet) -> np.ndarray:
    return NumpyEvaluator().distances(columns, probe, parameters)


def draw(parameters: CkksParameterSet, dimension: int, seed: int = 0) -> np.ndarray:
    return random_residues(np.random.default_rng(seed), dimension, parameters)


def filled(parameters: CkksParameterSet, columns: int, below_prime: int) -> np.ndarray:
    shape = (parameters.tiles, columns, 2, 16)
    primes = parameters.data_primes
    return np.stack([np.full(shape, p - below_prime, np.uint32) for p in primes])


def check(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.dtype == np.uint32
    np.testing.assert_array_equal(found, expected)


@both
@every_set
@pytest.mark.parametrize("dimension", [1, 2, 128])
def test_distances_are_the_sums_of_products(
    backend: str, parameters: CkksParameterSet, dimension: int
) -> None:
    columns, probe = draw(parameters, dimension), draw(parameters, dimension, 1)

    found = make_evaluator(backend).distances(columns, probe, parameters)

    check(found, definition(columns, probe, parameters))


@both
def test_distances_of_512_values(backend: str) -> None:
    columns, probe = draw(INSECURE_TOY, 512), draw(INSECURE_TOY, 512, 1)

    found = make_evaluator(backend).distances(columns, probe, INSECURE_TOY)

    check(found, definition(columns, probe, INSECURE_TOY))


@pytest.mark.parametrize("dimension", [509, 510, 511, 1022, 1023, MAX_DIMENSION])
def test_sums_are_reduced_before_they_overflow(dimension: int) -> None:
    columns, probe = draw(INSECURE_TOY, dimension), draw(INSECURE_TOY, dimension, 1)

    found = make_evaluator().distances(columns, probe, INSECURE_TOY)

    check(found, definition(columns, probe, INSECURE_TOY))


@both
@every_set
@pytest.mark.parametrize("count", [1, 3, 130])
def test_largest_residues(backend: str, parameters: CkksParameterSet, count: int) -> None:
    largest = filled(parameters, count, 1)

    found = make_evaluator(backend).distances(largest, largest, parameters)

    # (p - 1)**2 is 1 modulo p.
    for polynomial, expected in zip(found, (count, 2 * count, count), strict=True):
        assert (polynomial == expected).all()


@pytest.mark.parametrize("count", [512, 513, 1024, 1025, MAX_DIMENSION + 2])
@pytest.mark.parametrize("below_prime", [1, 2])
def test_largest_residues_in_long_sums(count: int, below_prime: int) -> None:
    extreme = filled(INSECURE_TOY, count, below_prime)

    found = make_evaluator().distances(extreme, extreme, INSECURE_TOY)

    for polynomial, terms in zip(found, (count, 2 * count, count), strict=True):
        assert (polynomial == terms * below_prime**2).all()


@every_set
def test_zeros(parameters: CkksParameterSet) -> None:
    zeros = np.zeros_like(draw(parameters, 128))

    assert not make_evaluator().distances(zeros, zeros, parameters).any()
    assert not make_evaluator().distances(draw(parameters, 128), zeros, parameters).any()


def test_seal_refuses_sums_that_hide_nothing() -> None:
    zeros = np.zeros_like(draw(COMPACT, 1))

    with pytest.raises(MalformedMessageError, match="transparent"):
        make_evaluator("seal").distances(zeros, zeros, COMPACT)


@settings(deadline=None, max_examples=40)
@given(data=st.data(), count=st.integers(1, 5))
def test_any_mixture_of_adversarial_residues(data: st.DataObject, count: int) -> None:
    arrays = []
    for _ in range(2):
        seed = data.draw(st.integers(0, 2**32 - 1))
        from_prime = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
        low = data.draw(st.lists(st.integers(0, 2**26), min_size=1, max_size=3))
        random, shape = np.random.default_rng(seed), (INSECURE_TOY.tiles, count, 2, 16)
        primes = INSECURE_TOY.data_primes
        pools = [np.array([p - b for b in from_prime] + low, np.uint32) for p in primes]
        arrays.append(np.stack([random.choice(pool, shape) for pool in pools]))
    columns, probe = arrays
    expected = definition(columns, probe, INSECURE_TOY)

    check(make_evaluator().distances(columns, probe, INSECURE_TOY), expected)
    if expected[1:].any():
        check(make_evaluator("seal").distances(columns, probe, INSECURE_TOY), expected)


@both
@pytest.mark.parametrize("count", [0, 1, 2, 3, 5])
def test_several_probes_give_what_each_gives(backend: str, count: int) -> None:
    evaluator, columns = make_evaluator(backend), draw(INSECURE_TOY, 16)
    probes = [draw(INSECURE_TOY, 16, 1 + i) for i in range(count)]

    found = evaluator.distances_many(columns, probes, INSECURE_TOY)

    assert found.shape == (count, 3, 3, 1024)
    for row, probe in zip(found, probes, strict=True):
        check(row, definition(columns, probe, INSECURE_TOY))


@both
@pytest.mark.parametrize(("blocks", "probes"), [(0, 2), (2, 0), (1, 1), (3, 1), (2, 2), (3, 5)])
def test_several_blocks_give_what_each_gives(backend: str, blocks: int, probes: int) -> None:
    columns = [draw(INSECURE_TOY, 4, 100 + i) for i in range(blocks)]
    constants = [draw(INSECURE_TOY, 4, i) for i in range(probes)]

    found = make_evaluator(backend).distances_of_blocks(columns, constants, INSECURE_TOY)

    assert [len(of_block) for of_block in found] == [probes] * blocks
    for block, of_block in zip(columns, found, strict=True):
        for probe, distances in zip(constants, of_block, strict=True):
            check(distances, definition(block, probe, INSECURE_TOY))
            assert distances.base is None or distances.base.size == distances.size


@pytest.mark.parametrize("blocks", [BLOCKS_AT_ONCE, 2 * BLOCKS_AT_ONCE + 1])
@pytest.mark.parametrize("probes", [1, 3, 4, 5])
@pytest.mark.parametrize("dimension", [2, 511])
def test_more_blocks_than_are_scanned_at_once(blocks: int, probes: int, dimension: int) -> None:
    columns = [draw(INSECURE_TOY, dimension, 100 + i) for i in range(blocks)]
    constants = [draw(INSECURE_TOY, dimension, i) for i in range(probes)]
    evaluator = make_evaluator(threads=2)

    found = evaluator.distances_of_blocks(columns, constants, INSECURE_TOY)

    for block, of_block in zip(columns, found, strict=True):
        alone = evaluator.distances_many(block, constants, INSECURE_TOY)
        np.testing.assert_array_equal(np.stack(of_block), alone)
    check(found[-1][-1], definition(columns[-1], constants[-1], INSECURE_TOY))


@both
def test_blocks_of_several_dimensions_are_refused(backend: str) -> None:
    evaluator, probes = make_evaluator(backend), [draw(INSECURE_TOY, 4)]

    with pytest.raises(DimensionMismatchError):
        evaluator.distances_of_blocks(
            [draw(INSECURE_TOY, 4), draw(INSECURE_TOY, 5)], probes, INSECURE_TOY
        )
    with pytest.raises(DimensionMismatchError):
        evaluator.distances_of_blocks(
            [draw(INSECURE_TOY, 4), draw(INSECURE_TOY, 5)], [], INSECURE_TOY
        )


@pytest.mark.parametrize("threads", [1, 2, 3, 7, 200])
def test_any_number_of_threads_gives_the_same(threads: int) -> None:
    columns, probes = draw(INSECURE_TOY, 16), [draw(INSECURE_TOY, 16, i) for i in (1, 2, 3)]
    evaluator = make_evaluator(threads=threads)

    for _ in range(3):
        found = evaluator.distances_many(columns, probes, INSECURE_TOY)

        check(found[2], definition(columns, probes[2], INSECURE_TOY))


@both
@pytest.mark.parametrize("shift", [0, 1, 4, 17])
def test_read_only_and_unaligned_buffers_are_read_where_they_lie(backend: str, shift: int) -> None:
    columns, probe = draw(COMPACT, 4), draw(COMPACT, 4, 1)
    blob = bytes(shift) + columns.tobytes()
    lying = np.frombuffer(blob, "<u4", offset=shift).reshape(columns.shape)
    assert not lying.flags.writeable

    found = make_evaluator(backend).distances(lying, lying, COMPACT)

    check(found, definition(columns, columns, COMPACT))
    check(
        make_evaluator(backend).distances(lying, probe, COMPACT), definition(lying, probe, COMPACT)
    )


def reject(error: type[GalleryError], columns: Any, probe: Any, backend: str) -> None:
    evaluator: Evaluator = make_evaluator(backend)
    with pytest.raises(error):
        evaluator.distances(columns, probe, INSECURE_TOY)
    with pytest.raises(error):
        evaluator.distances_many(columns, [columns, probe], INSECURE_TOY)
    with pytest.raises(error):
        evaluator.distances_of_blocks([probe, columns], [columns, probe], INSECURE_TOY)


@both
@pytest.mark.parametrize("where", [(0, 0, 0, 0, 0), (1, 30, 2, 1, 7), (2, 63, 5, 1, 15)])
@pytest.mark.parametrize("excess", [0, 1, 2**32 - 1 - 2**27])
def test_residues_not_below_their_prime_are_refused(
    backend: str, where: tuple[int, ...], excess: int
) -> None:
    good, bad = draw(INSECURE_TOY, 4), draw(INSECURE_TOY, 4, 1)
    bad[where] = INSECURE_TOY.data_primes[where[0]] + excess

    reject(MalformedMessageError, good, bad, backend)
    reject(MalformedMessageError, bad, good, backend)


@both
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda a: a.astype(np.uint64), id="uint64"),
        pytest.param(lambda a: a.view(np.int32), id="int32"),
        pytest.param(lambda a: a.astype(">u4"), id="big-endian"),
        pytest.param(lambda a: a[:2].copy(), id="primes"),
        pytest.param(lambda a: a[:, :63].copy(), id="tiles"),
        pytest.param(lambda a: a[:, :, :, :1].copy(), id="polynomials"),
        pytest.param(lambda a: a[..., :15].copy(), id="lanes"),
        pytest.param(lambda a: a[:, :, :0].copy(), id="no columns"),
        pytest.param(lambda a: a.reshape(-1), id="flat"),
        pytest.param(lambda a: np.repeat(a, 2, axis=2)[:, :, ::2], id="strided"),
        pytest.param(lambda a: np.asfortranarray(a), id="column-major"),
    ],
)
def test_arrays_that_are_not_in_the_layout_are_refused(backend: str, change: Any) -> None:
    good = draw(INSECURE_TOY, 4)

    reject(MalformedMessageError, good, change(good), backend)
    reject(MalformedMessageError, change(good), good, backend)


@both
def test_a_probe_of_another_dimension_is_refused(backend: str) -> None:
    reject(DimensionMismatchError, draw(INSECURE_TOY, 4), draw(INSECURE_TOY, 5), backend)


@both
def test_more_columns_than_supported_are_refused(backend: str) -> None:
    many = filled(INSECURE_TOY, MAX_DIMENSION + 3, 1)

    reject(ParameterSetError, many, many, backend)


def test_unknown_evaluators_and_thread_counts_are_refused() -> None:
    with pytest.raises(GalleryError, match="native, seal"):
        make_evaluator("gpu")
    with pytest.raises(GalleryError, match="0 threads"):
        make_evaluator(threads=0)

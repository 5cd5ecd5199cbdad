"""Results open to exactly the sums of negacyclic products, before they become doubles."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gallery.client.hinted.probe_cipher import ProbeSecret
from gallery.client.ring.crt import NumberForm
from gallery.errors import InvalidEmbeddingError, MalformedMessageError
from tests.support.hinted_owner import HintedOwner
from tests.support.numpy_evaluator import NumpyEvaluator
from tests.support.polynomials import negacyclic_product


@pytest.fixture
def repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the operating system's generator repeat itself, so that noise can be drawn again."""
    monkeypatch.setattr(os, "urandom", lambda size: b"\5" * size)


def noise_of_probe(owner: HintedOwner, constants: np.ndarray) -> np.ndarray:
    """Draw the noise of a probe once more, shape (columns, n)."""
    integers = np.rint(constants * owner.parameters.probe_scale).astype("<i8")
    source, degree = owner.probe_key.draw(integers.tobytes())[1], owner.parameters.probe_degree
    groups = [source.draw(16 * degree).reshape(degree, 16).T for _ in range(2)]
    return np.concatenate(groups)[: owner.columns].astype(np.int64)


def noise_of_block(owner: HintedOwner, nonce: bytes) -> np.ndarray:
    source = owner.block_key.secrets(nonce).noise()
    degree = owner.parameters.poly_modulus_degree
    groups = [source.draw(16 * degree).reshape(degree, 16).T for _ in range(2)]
    return np.concatenate(groups)[: owner.columns].astype(np.int64)


@pytest.mark.usefixtures("repeated")
@pytest.mark.parametrize("block_kind", ["random", "largest"])
def test_results_open_to_exactly_the_sum_of_products(owner: HintedOwner, block_kind: str) -> None:
    parameters, constants = owner.parameters, owner.constants(1)
    degree, slices = parameters.poly_modulus_degree, parameters.slices
    # References of norm 1 at most, as inner products must stay within the modulus.
    values = np.random.default_rng(2).normal(size=(owner.columns, degree))
    if block_kind == "largest":
        values = np.repeat(constants[:, None], degree, axis=1)
    integers = owner.blocks.encode(values / np.linalg.norm(values, axis=0))
    block = owner.blocks.encrypt(integers, index=0, version=1)
    sent, secret = owner.probes.encrypt(constants)
    result = NumpyEvaluator().distances(block.columns, sent, parameters)

    found = owner.open(secret, [result], [block])

    multiplied = integers - noise_of_block(owner, block.nonce)
    searched = -noise_of_probe(owner, constants)
    searched[:, 0] += np.rint(constants * parameters.probe_scale).astype(np.int64)
    exact = np.zeros(degree, object)
    for column, probe in zip(multiplied, searched, strict=True):
        spread = np.zeros(degree, np.int64)
        spread[::slices] = probe
        exact = exact + np.array(negacyclic_product(column, spread, degree), object)
    scale = parameters.column_scale * parameters.probe_scale
    assert np.abs(exact).max() < parameters.data_modulus // 2
    np.testing.assert_array_equal(found[0], exact.astype(np.float64) / scale)


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 33])
def test_any_number_of_blocks_opens_to_inner_products(owner: HintedOwner, count: int) -> None:
    parameters, constants = owner.parameters, owner.constants(3)
    shape = owner.columns, parameters.poly_modulus_degree
    random = np.random.default_rng(4)
    sent, secret = owner.probes.encrypt(constants)
    blocks, expected = [], []
    for i in range(min(count, 3)):
        values = random.normal(size=shape)
        integers = owner.blocks.encode(values / np.linalg.norm(values, axis=0))
        blocks.append(owner.blocks.encrypt(integers, index=i, version=1))
        expected.append(constants @ owner.blocks.decode(integers))
    order = [i % 3 for i in range(count)]
    results = [NumpyEvaluator().distances(block.columns, sent, parameters) for block in blocks]

    found = owner.open(secret, [results[i] for i in order], [blocks[i] for i in order])

    assert found.shape == (count, shape[1])
    for row, i in zip(found, order, strict=True):
        # Half of the bound of distances, which are 2 - 2 * inner product.
        bound = parameters.max_distance_error(owner.columns) / 2
        assert np.abs(row - expected[i]).max() < bound


def test_errors_are_as_large_as_the_parameter_set_says(owner: HintedOwner) -> None:
    parameters, errors = owner.parameters, []
    for seed in range(4):
        constants = owner.constants(seed)
        values = np.random.default_rng(seed).normal(size=(owner.columns, 4096))
        integers = owner.blocks.encode(values / np.linalg.norm(values, axis=0))
        block = owner.blocks.encrypt(integers, index=0, version=1)
        sent, secret = owner.probes.encrypt(constants)
        result = NumpyEvaluator().distances(block.columns, sent, parameters)
        found = owner.open(secret, [result], [block])[0]
        errors.append(found - constants @ owner.blocks.decode(integers))

    assert np.std(errors) == pytest.approx(parameters.product_noise, rel=0.1)
    assert abs(np.mean(errors)) < 0.1 * parameters.product_noise


def test_probes_of_one_vector_share_nothing(owner: HintedOwner) -> None:
    constants = owner.constants(5)

    (one, a), (other, b) = (owner.probes.encrypt(constants) for _ in range(2))

    assert (one == other).mean() < 1e-4
    assert (a.minus_t == b.minus_t).mean() < 1e-4


@pytest.mark.parametrize("buffer", ["read-only", "unaligned"])
def test_received_results_open_where_they_lie(owner: HintedOwner, buffer: str) -> None:
    block = owner.blocks.encrypt(owner.draw(6) // owner.columns, index=0, version=1)
    sent, secret = owner.probes.encrypt(owner.constants(6))
    result = NumpyEvaluator().distances(block.columns, sent, owner.parameters)
    shift = 1 if buffer == "unaligned" else 0
    blob = bytes(shift) + result.tobytes()
    received = np.frombuffer(blob, "<u4", offset=shift).reshape(result.shape)

    found = owner.open(secret, [received], [block])

    np.testing.assert_array_equal(found, owner.open(secret, [result], [block]))


def test_another_probes_secret_opens_to_nonsense(owner: HintedOwner) -> None:
    integers = owner.draw(7) // owner.columns
    block = owner.blocks.encrypt(integers, index=0, version=1)
    constants = owner.constants(7)
    sent, secret = owner.probes.encrypt(constants)
    other = owner.probes.encrypt(constants)[1]
    result = NumpyEvaluator().distances(block.columns, sent, owner.parameters)
    expected = constants @ owner.blocks.decode(integers)

    for wrong in (other, ProbeSecret(secret.minus_t, other.masks)):
        assert np.std(owner.open(wrong, [result], [block])[0] - expected) > 0.1


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), 1.0001])
def test_constants_out_of_range_are_refused(owner: HintedOwner, value: float) -> None:
    constants = np.zeros(owner.columns)
    constants[-1] = value

    with pytest.raises(InvalidEmbeddingError):
        owner.probes.encrypt(constants)


def test_results_in_another_layout_are_refused(owner: HintedOwner) -> None:
    block = owner.blocks.encrypt(owner.draw(8), index=0, version=1)
    sent, secret = owner.probes.encrypt(owner.constants(8))
    result = NumpyEvaluator().distances(block.columns, sent, owner.parameters)

    wrong: Any
    for wrong in (result.astype(np.uint64), result[:, :-1], result.reshape(-1), result[..., ::-1]):
        with pytest.raises(MalformedMessageError):
            owner.open(secret, [wrong], [block])


def test_a_hint_of_residues_that_are_too_large_is_refused(owner: HintedOwner) -> None:
    block = owner.blocks.encrypt(owner.draw(8), index=0, version=1)
    sent, secret = owner.probes.encrypt(owner.constants(8))
    result = NumpyEvaluator().distances(block.columns, sent, owner.parameters)
    hint = block.hint.copy()
    hint[-1, -1, -1, -1, -1] = owner.parameters.data_primes[-1]

    with pytest.raises(MalformedMessageError, match="not below its prime"):
        owner.open(secret, [result], [replace(block, hint=hint)])


@pytest.mark.parametrize("field", ["hint", "mask"])
def test_secrets_of_a_block_in_another_layout_are_refused(owner: HintedOwner, field: str) -> None:
    block = owner.blocks.encrypt(owner.draw(8), index=0, version=1)
    sent, secret = owner.probes.encrypt(owner.constants(8))
    result = NumpyEvaluator().distances(block.columns, sent, owner.parameters)
    opened = owner.opened(block)

    for wrong in (getattr(opened, field)[..., ::-1], getattr(opened, field)[:, :-1].copy()):
        with pytest.raises(MalformedMessageError):
            owner.probes.open(secret, [result], [replace(opened, **{field: wrong})])


def test_a_block_is_needed_for_each_result(owner: HintedOwner) -> None:
    block = owner.blocks.encrypt(owner.draw(8), index=0, version=1)
    sent, secret = owner.probes.encrypt(owner.constants(8))
    result = NumpyEvaluator().distances(block.columns, sent, owner.parameters)

    with pytest.raises(MalformedMessageError):
        owner.open(secret, [result, result], [block])


def test_distances_are_written_where_they_are_wanted(owner: HintedOwner) -> None:
    block = owner.blocks.encrypt(owner.draw(8) // owner.columns, index=0, version=1)
    sent, secret = owner.probes.encrypt(owner.constants(8))
    result = NumpyEvaluator().distances(block.columns, sent, owner.parameters)
    products = owner.open(secret, [result], [block])
    limit = float(np.median(products))
    form = NumberForm(limit=limit, reach=2.0, factor=-2.0, offset=0.25)
    rows = np.full((17, 3, products.shape[1]), np.nan)

    owner.probes.open(secret, [result] * 17, [owner.opened(block)] * 17, rows[:, 1], form)

    shifted = np.where(products > limit, products - 2.0, products)
    np.testing.assert_array_equal(rows[:, 1], np.repeat(-2.0 * shifted + 0.25, 17, axis=0))
    assert np.isnan(rows[:, [0, 2]]).all()


def test_secrets_show_nothing_of_themselves(owner: HintedOwner) -> None:
    secret = owner.probes.encrypt(owner.constants(9))[1]

    assert repr(secret) == "<ProbeSecret: redacted>"

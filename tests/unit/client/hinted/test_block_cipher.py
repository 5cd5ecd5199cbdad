"""Blocks are what their definition says, and open to exactly what was encoded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gallery.client.hinted.block_cipher import BlockCipher
from gallery.client.hinted.derivation import BlockKey
from gallery.client.hinted.matrices import PublicMatrices
from gallery.client.keys.secrets import GalleryKey
from gallery.errors import InvalidEmbeddingError, MalformedMessageError
from tests.support.hinted_owner import GALLERY_ID, HintedOwner, coefficients, in_ntt_order


def grid_values(owner: HintedOwner, kind: str) -> np.ndarray:
    shape = owner.columns, owner.parameters.poly_modulus_degree
    random = np.random.default_rng(0)
    if kind == "random":
        return random.uniform(-1.0, 1.0, shape)
    if kind == "extremes":
        return random.choice([-1.0, 1.0], shape)
    return np.full(shape, float(kind))


@pytest.mark.parametrize("kind", ["random", "extremes", "0", "1", "-1"])
def test_blocks_open_to_exactly_what_was_encoded(owner: HintedOwner, kind: str) -> None:
    values = grid_values(owner, kind)
    integers = owner.blocks.encode(values)

    block = owner.blocks.encrypt(integers, index=0, version=1)

    opened = owner.blocks.open(block.nonce, block.columns)
    np.testing.assert_array_equal(opened, integers)
    decoded = owner.blocks.decode(opened)
    assert np.abs(decoded - values).max() <= 0.5001 * owner.parameters.template_grid
    np.testing.assert_array_equal(owner.blocks.encode(decoded), integers)


@pytest.mark.parametrize("columns", [1, 15, 16, 17, 32])
def test_any_number_of_columns_opens(owner: HintedOwner, columns: int) -> None:
    other = HintedOwner(owner.parameters, columns)
    integers = other.draw(1)

    block = other.blocks.encrypt(integers, index=0, version=1)

    assert block.columns.shape == owner.parameters.block_shape(columns)
    np.testing.assert_array_equal(other.blocks.open(block.nonce, block.columns), integers)


def test_columns_are_what_the_definition_says(owner: HintedOwner) -> None:
    integers, parameters = owner.draw(2), owner.parameters
    block = owner.blocks.encrypt(integers, index=3, version=4)
    secrets = owner.block_key.secrets(block.nonce)
    degree = parameters.poly_modulus_degree
    drawn = [secrets.noise()] * 2  # the same source: the second sixteen columns follow the first
    groups = [source.draw(16 * degree).reshape(degree, 16).T for source in drawn]
    noise = np.concatenate(groups)[: owner.columns].astype(np.int64)

    for number, prime in enumerate(parameters.data_primes):
        a = owner.matrices.blocks[number].astype(np.uint64)
        mask = a * secrets.mask()[number][:, :, None] % np.uint64(prime)
        rest = (block.columns[number] + (np.uint64(prime) - mask)) % np.uint64(prime)

        found = coefficients(in_ntt_order(rest.astype(np.uint32)), prime)

        np.testing.assert_array_equal(found, integers - noise)
    assert np.abs(noise).max() <= 21
    assert noise.any()


def test_hints_are_what_their_definition_says(owner: HintedOwner) -> None:
    block = owner.blocks.encrypt(owner.draw(3), index=0, version=1)

    assert block.hint.shape == owner.parameters.hint_shape
    for number, prime in enumerate(owner.parameters.data_primes):
        total = np.zeros(block.hint.shape[1:], object)
        for j in range(owner.columns):
            # (tile, slice, rank, lane)
            c = block.columns[number, :, :, j, :][:, :, None, :].astype(object)
            total = total + c * owner.matrices.probes[number, :, j][:, None].astype(object)
        np.testing.assert_array_equal(block.hint[number], (total % prime).astype(np.uint32))


def test_two_encryptions_of_one_content_share_nothing(owner: HintedOwner) -> None:
    integers = owner.draw(4)

    one, other = (owner.blocks.encrypt(integers, index=0, version=1) for _ in range(2))

    assert one.nonce != other.nonce
    assert (one.columns == other.columns).mean() < 1e-4


@pytest.mark.parametrize("buffer", ["read-only", "unaligned"])
def test_stored_blocks_open_where_they_lie(owner: HintedOwner, buffer: str) -> None:
    integers = owner.draw(5)
    block = owner.blocks.encrypt(integers, index=0, version=1)
    shift = 1 if buffer == "unaligned" else 0
    blob = bytes(shift) + block.columns.tobytes()
    stored = np.frombuffer(blob, "<u4", offset=shift).reshape(block.columns.shape)

    np.testing.assert_array_equal(owner.blocks.open(block.nonce, stored), integers)


def test_another_nonce_another_key_and_another_seed_open_to_nonsense(owner: HintedOwner) -> None:
    parameters, integers = owner.parameters, owner.draw(6)
    block = owner.blocks.encrypt(integers, index=0, version=1)
    stranger = BlockKey(GalleryKey(b"\7" * 32, {}), GALLERY_ID, parameters)
    foreign = PublicMatrices(b"\7" * 32, owner.columns, parameters)

    for cipher, nonce in (
        (owner.blocks, bytes(32)),
        (BlockCipher(stranger, owner.matrices, parameters), block.nonce),
        (BlockCipher(owner.block_key, foreign, parameters), block.nonce),
    ):
        found = cipher.open(nonce, block.columns)
        assert (found == integers).mean() < 0.01


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1.001, -1.001])
def test_values_that_are_no_part_of_a_vector_of_norm_one_are_refused(
    owner: HintedOwner, value: float
) -> None:
    values = np.zeros((owner.columns, owner.parameters.poly_modulus_degree))
    values[-1, -1] = value

    with pytest.raises(InvalidEmbeddingError):
        owner.blocks.encode(values)


@pytest.mark.parametrize("sign", [-1, 1])
def test_integers_that_encode_never_gives_are_refused(owner: HintedOwner, sign: int) -> None:
    integers = owner.draw(7)
    integers[0, 0] = sign * (round(owner.parameters.column_scale) + 1)

    with pytest.raises(InvalidEmbeddingError):
        owner.blocks.encrypt(integers, index=0, version=1)


def test_residues_in_another_layout_are_refused(owner: HintedOwner) -> None:
    block = owner.blocks.encrypt(owner.draw(8), index=0, version=1)

    wrong: Any
    for wrong in (
        block.columns.astype(np.uint64),
        block.columns.view(np.int32),
        block.columns[:, :-1],
        block.columns[..., :8],
        block.columns.reshape(-1),
    ):
        with pytest.raises(MalformedMessageError):
            owner.blocks.open(block.nonce, wrong)

"""Messages of blocks: headers, occupancy maps, ciphertexts whole and seeded."""

from __future__ import annotations

import hashlib
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from gallery.errors import (
    BlockCorruptedError,
    DimensionMismatchError,
    MalformedMessageError,
    ParameterSetError,
)
from gallery.messages import BlockHeader, EncryptedBlock, columns_digest, pack_occupancy
from gallery.parameters import COMPACT, INSECURE_TOY, LIGHT, SWIFT, HintedParameterSet
from tests.support.builders import block_update, random_columns

BLOCK = block_update(3, 5, [0, 8, 4095]).block
SEEDED = block_update(3, 5, [0, 8, 4095], seeded=True).block

PACKED = 2 * 256 * 3 * 2 * 16 * 27 // 8
"""Bytes of the residues of a block of one value: 27 bits each."""


def with_columns(columns: np.ndarray) -> EncryptedBlock:
    """Return the block with other columns, to which its header's digest is fitted."""
    return EncryptedBlock(replace(BLOCK.header, columns_digest=columns_digest(columns)), columns)


def test_the_occupancy_map_tells_where_references_are() -> None:
    occupied = BLOCK.header.occupied()

    assert occupied.shape == (4096,)
    assert np.flatnonzero(occupied).tolist() == [0, 8, 4095]


def test_the_occupancy_map_has_its_least_significant_bit_first() -> None:
    occupied = np.zeros(16, dtype=bool)
    occupied[[0, 9]] = True

    assert pack_occupancy(occupied) == bytes([0b1, 0b10])


@pytest.mark.parametrize("size", [0, 511, 513, 1024])
def test_an_occupancy_map_of_another_size_than_the_block_is_malformed(size: int) -> None:
    header = replace(BLOCK.header, occupancy=bytes(size))

    with pytest.raises(MalformedMessageError, match=f"an occupancy map of {size} bytes"):
        BlockHeader.from_bytes(header.to_bytes())


@pytest.mark.parametrize("name", ["next-century", "", INSECURE_TOY.name])
def test_a_header_of_an_unknown_or_insecure_parameter_set_is_refused(name: str) -> None:
    with pytest.raises(ParameterSetError):
        BlockHeader.from_bytes(replace(BLOCK.header, parameters=name).to_bytes())


@pytest.mark.parametrize("dimension", [0, 4097, 2**32 - 1])
def test_a_block_of_an_unsupported_dimension_is_refused(dimension: int) -> None:
    block = EncryptedBlock(replace(BLOCK.header, dimension=dimension), BLOCK.columns)

    with pytest.raises(DimensionMismatchError):
        EncryptedBlock.from_bytes(block.to_bytes())


def test_every_field_of_a_header_but_the_mac_is_part_of_its_statement() -> None:
    changes: dict[str, Any] = {
        "gallery_id": bytes(16),
        "index": 4,
        "version": 6,
        "parameters": "standard",
        "dimension": 2,
        "occupancy": bytes(512),
        "columns_digest": bytes(32),
        "references_digest": bytes(32),
        "encrypted_at": 4,
    }
    hinted = block_update(3, 5, parameters=SWIFT).block.header
    of_hinted = {"columns": 2, "nonce": bytes(32)}
    assert {field.name for field in fields(BlockHeader)} == {*changes, *of_hinted, "mac"}

    for header, possible in ((BLOCK.header, changes), (hinted, changes | of_hinted)):
        changed = [replace(header, **{name: value}) for name, value in possible.items()]
        statements = {stated.statement() for stated in [header, *changed]}
        assert len(statements) == 1 + len(possible)
        assert replace(header, mac=bytes(32)).statement() == header.statement()


@pytest.mark.parametrize("encrypted_at", [5, 6, 2**63 - 1])
def test_a_block_is_not_encrypted_after_its_version_was_written(encrypted_at: int) -> None:
    header = replace(BLOCK.header, encrypted_at=4)
    assert BlockHeader.from_bytes(header.to_bytes()) == header
    assert (BLOCK.header.encryption_version, header.encryption_version) == (5, 4)

    with pytest.raises(MalformedMessageError, match="older than its ciphertexts"):
        BlockHeader.from_bytes(replace(header, encrypted_at=encrypted_at).to_bytes())


@pytest.mark.parametrize("columns", [0, 7, 10, 2**32 - 1])
def test_a_hinted_header_has_as_many_columns_as_values_or_one_more(columns: int) -> None:
    header = replace(block_update(0, 2, parameters=SWIFT).block.header, dimension=8)
    for fitting in (8, 9):
        stated = replace(header, columns=fitting)
        assert BlockHeader.from_bytes(stated.to_bytes()) == stated

    with pytest.raises(MalformedMessageError, match=f"{columns} columns for embeddings of 8"):
        BlockHeader.from_bytes(replace(header, columns=columns).to_bytes())


def test_a_hinted_block_is_never_seeded() -> None:
    made = block_update(0, 2, parameters=LIGHT).block
    data = bytearray(made.to_bytes())
    form = 8 + 4 + len(made.header.to_bytes())
    assert data[form] == 0
    data[form] = 1

    with pytest.raises(MalformedMessageError, match="ciphertexts of an unknown form, 1"):
        EncryptedBlock.from_bytes(bytes(data))


@pytest.mark.parametrize("parameters", [SWIFT, LIGHT], ids=lambda p: p.name)
def test_a_hinted_residue_that_reaches_its_prime_is_malformed(
    parameters: HintedParameterSet,
) -> None:
    for number, prime in enumerate(parameters.data_primes):
        made = block_update(0, 2, parameters=parameters).block
        made.columns[number, -1, -1, -1, -1] = prime
        header = replace(made.header, columns_digest=columns_digest(made.columns))
        with pytest.raises(MalformedMessageError, match=f"not below its prime {prime}"):
            EncryptedBlock.from_bytes(replace(made, header=header).to_bytes())


def test_the_digest_is_sha_256_of_the_residues_as_they_are_stored_and_not_as_they_are_sent() -> (
    None
):
    stored = BLOCK.columns.astype("<u4").tobytes()

    assert BLOCK.header.columns_digest == hashlib.sha256(stored).digest()


@pytest.mark.parametrize("bit", [0, 1, 7, 8 * 82944, 8 * 165888 - 1])
def test_a_block_with_one_changed_bit_is_corrupted(bit: int) -> None:
    data = bytearray(BLOCK.to_bytes())
    data[len(data) - PACKED + bit // 8] ^= 1 << bit % 8

    with pytest.raises(BlockCorruptedError, match="block 3 is damaged"):
        EncryptedBlock.from_bytes(bytes(data))


@pytest.mark.parametrize("index", range(len(COMPACT.data_primes)))
def test_a_residue_that_reaches_its_prime_is_malformed_even_where_the_digest_fits(
    index: int,
) -> None:
    prime = COMPACT.data_primes[index]
    columns = random_columns()
    columns[index, -1, -1, -1, -1] = prime - 1
    found = EncryptedBlock.from_bytes(with_columns(columns).to_bytes())
    assert np.array_equal(found.columns, columns)

    columns[index, -1, -1, -1, -1] = prime

    with pytest.raises(MalformedMessageError, match=f"not below its prime {prime}"):
        EncryptedBlock.from_bytes(with_columns(columns).to_bytes())


@pytest.mark.parametrize(
    "columns",
    [
        random_columns(dimension=2),
        random_columns().astype(np.uint64),
        random_columns().astype(np.int32),
        random_columns().reshape(-1),
        random_columns()[:1],
    ],
    ids=["dimension", "uint64", "int32", "flat", "one prime"],
)
def test_columns_of_another_shape_or_type_do_not_pass_the_check(columns: np.ndarray) -> None:
    with pytest.raises(MalformedMessageError, match="expected shape"):
        with_columns(np.ascontiguousarray(columns)).check()


def test_a_seed_travels_in_the_place_of_the_uniform_halves() -> None:
    whole, seeded = replace(SEEDED, seed=None).to_bytes(), SEEDED.to_bytes()

    found = EncryptedBlock.from_bytes(seeded)

    assert len(whole) == 8 + 4 + len(SEEDED.header.to_bytes()) + 1 + PACKED
    assert len(seeded) == len(whole) - PACKED // 2 + 32
    assert found.seed == SEEDED.seed
    assert np.array_equal(found.columns, SEEDED.columns)
    assert np.array_equal(EncryptedBlock.from_bytes(whole).columns, SEEDED.columns)


@pytest.mark.parametrize("bit", range(0, 256, 17))
def test_a_block_with_another_seed_is_corrupted(bit: int) -> None:
    data = bytearray(SEEDED.to_bytes())
    data[len(data) - PACKED // 2 - 32 + bit // 8] ^= 1 << bit % 8

    with pytest.raises(BlockCorruptedError, match="block 3 is damaged"):
        EncryptedBlock.from_bytes(bytes(data))


@pytest.mark.parametrize("block", [BLOCK, SEEDED], ids=["whole", "seeded"])
def test_a_form_that_is_neither_whole_nor_seeded_is_malformed(block: EncryptedBlock) -> None:
    data = bytearray(block.to_bytes())
    place = 8 + 4 + len(block.header.to_bytes())

    for form in range(2, 256):
        data[place] = form
        with pytest.raises(MalformedMessageError, match=f"an unknown form, {form}"):
            EncryptedBlock.from_bytes(bytes(data))


@pytest.mark.parametrize("block", [BLOCK, SEEDED], ids=["whole", "seeded"])
def test_one_form_is_not_read_as_the_other(block: EncryptedBlock) -> None:
    data = bytearray(block.to_bytes())
    data[8 + 4 + len(block.header.to_bytes())] ^= 1

    with pytest.raises(MalformedMessageError, match=r"take \d+ bytes, found \d+"):
        EncryptedBlock.from_bytes(bytes(data))

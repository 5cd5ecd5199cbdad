from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.ciphertexts.bit_packing import pack, packed_size, unpack
from gallery.errors import MalformedMessageError
from tests.support.residues import slow_pack

VECTOR = Path(__file__).parents[2] / "vectors" / "residues" / "packing.json"

residues_27 = st.integers(0, 2**27 - 1)
groups = (
    st.integers(1, 4)
    .flatmap(lambda n: st.lists(residues_27, min_size=32 * n, max_size=32 * n))
    .map(lambda values: np.array(values, np.uint32))
)


def random_residues(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**27, count, dtype=np.uint32)


def test_the_bytes_on_record_are_written_and_read() -> None:
    vector = json.loads(VECTOR.read_text("utf-8"))
    residues = np.array(vector["residues"], np.uint32)

    assert pack(residues).hex() == vector["hex"] == slow_pack(vector["residues"]).hex()
    assert unpack(bytes.fromhex(vector["hex"]), residues.size).tolist() == vector["residues"]


@given(groups)
def test_packing_puts_residue_k_at_bit_27_k(residues: np.ndarray) -> None:
    assert pack(residues) == slow_pack(residues)


@given(groups)
def test_unpacking_gives_what_was_packed(residues: np.ndarray) -> None:
    found = unpack(pack(residues), residues.size)

    assert found.dtype == np.uint32
    assert np.array_equal(found, residues)


@given(st.integers(1, 4).flatmap(lambda n: st.binary(min_size=108 * n, max_size=108 * n)))
def test_all_bytes_are_residues_in_one_way_only(data: bytes) -> None:
    residues = unpack(data, len(data) * 8 // 27)

    assert residues.max() < 2**27
    assert pack(residues) == data


@pytest.mark.parametrize("count", [32, 32736, 32768, 32800, 65536, 98304])
def test_nothing_is_lost_where_one_chunk_ends_and_the_next_begins(count: int) -> None:
    residues = random_residues(count)
    data = pack(residues)

    assert len(data) == packed_size(count) == count * 27 // 8
    assert data == slow_pack(residues)
    assert np.array_equal(unpack(data, count), residues)


@pytest.mark.parametrize("value", [0, 1, 2**26, 2**27 - 1])
def test_the_smallest_and_the_largest_residues_keep_apart(value: int) -> None:
    other = 2**27 - 1 - value
    residues = np.array([value, other] * 32, np.uint32)

    assert pack(residues) == slow_pack(residues)
    assert np.array_equal(unpack(pack(residues), 64), residues)


def test_arrays_are_packed_in_c_order_whatever_their_memory_looks_like() -> None:
    residues = random_residues(2 * 3 * 64).reshape(2, 3, 64)
    expected = slow_pack(residues.reshape(-1))

    assert pack(residues) == pack(np.asfortranarray(residues)) == expected
    assert pack(np.repeat(residues, 2, axis=2)[..., ::2]) == expected
    assert pack(residues[..., ::-1]) == slow_pack(residues[..., ::-1].reshape(-1))


def test_a_view_of_bytes_is_read_like_bytes() -> None:
    residues = random_residues(64)
    data = b"12345" + pack(residues) + b"6"

    assert np.array_equal(unpack(memoryview(data)[5:-1], 64), residues)


def test_no_residues_are_no_bytes() -> None:
    assert pack(np.empty(0, np.uint32)) == b""
    assert unpack(b"", 0).size == packed_size(0) == 0


@pytest.mark.parametrize("count", [1, 8, 31, 33])
def test_residues_that_are_no_whole_groups_are_refused(count: int) -> None:
    for refused in (
        lambda: packed_size(count),
        lambda: pack(np.zeros(count, np.uint32)),
        lambda: unpack(bytes(27 * count // 8), count),
    ):
        with pytest.raises(MalformedMessageError, match="not whole groups of 32"):
            refused()


@pytest.mark.parametrize("place", [0, 17, 31])
def test_a_residue_of_more_than_27_bits_is_refused(place: int) -> None:
    residues = np.zeros(32, np.uint32)
    residues[place] = 2**27

    with pytest.raises(MalformedMessageError, match="more than 27 bits"):
        pack(residues)


@pytest.mark.parametrize("size", [0, 107, 109, 216])
def test_bytes_of_another_size_are_refused(size: int) -> None:
    with pytest.raises(MalformedMessageError, match=f"{size} bytes do not hold 32"):
        unpack(bytes(size), 32)

"""Bit packing: residues in 27 or 30 bits, against its definition and bytes on record."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.ciphertexts.bit_packing import pack, packed_size, unpack
from gallery.errors import MalformedMessageError
from gallery.parameters import PARAMETER_SETS
from tests.support.residues import slow_pack

FOLDER = Path(__file__).parents[2] / "vectors" / "residues"

WIDTHS = sorted({parameters.residue_bits for parameters in PARAMETER_SETS.values()})
each_width = pytest.mark.parametrize("bits", WIDTHS)
widths = st.sampled_from(WIDTHS)


@st.composite
def groups(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    """A few groups of residues, and their width."""
    bits, count = draw(widths), 32 * draw(st.integers(1, 4))
    values = draw(st.lists(st.integers(0, 2**bits - 1), min_size=count, max_size=count))
    return np.array(values, np.uint32), bits


def random_residues(count: int, bits: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 2**bits, count, dtype=np.uint32)


def test_the_residues_of_the_parameter_sets_have_27_or_30_bits() -> None:
    assert WIDTHS == [27, 30]


@pytest.mark.parametrize("name, bits", [("packing", 27), ("packing-30", 30)])
def test_the_bytes_on_record_are_written_and_read(name: str, bits: int) -> None:
    vector = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    residues = np.array(vector["residues"], np.uint32)

    assert pack(residues, bits).hex() == vector["hex"] == slow_pack(residues, bits).hex()
    assert unpack(bytes.fromhex(vector["hex"]), residues.size, bits).tolist() == vector["residues"]


@given(groups())
def test_packing_puts_residue_k_at_bit_b_k(drawn: tuple[np.ndarray, int]) -> None:
    assert pack(*drawn) == slow_pack(*drawn)


@given(groups())
def test_unpacking_gives_what_was_packed(drawn: tuple[np.ndarray, int]) -> None:
    residues, bits = drawn

    found = unpack(pack(residues, bits), residues.size, bits)

    assert found.dtype == np.uint32
    assert np.array_equal(found, residues)


@given(widths, st.integers(1, 4), st.data())
def test_all_bytes_are_residues_in_one_way_only(
    bits: int, count: int, drawn: st.DataObject
) -> None:
    data = drawn.draw(st.binary(min_size=4 * bits * count, max_size=4 * bits * count))

    residues = unpack(data, 32 * count, bits)

    assert residues.max() < 2**bits
    assert pack(residues, bits) == data


@each_width
@pytest.mark.parametrize("count", [32, 32736, 32768, 32800, 65536, 98304])
def test_nothing_is_lost_where_one_chunk_ends_and_the_next_begins(count: int, bits: int) -> None:
    residues = random_residues(count, bits)
    data = pack(residues, bits)

    assert len(data) == packed_size(count, bits) == count * bits // 8
    assert data == slow_pack(residues, bits)
    assert np.array_equal(unpack(data, count, bits), residues)


@each_width
@pytest.mark.parametrize("from_top", [False, True])
@pytest.mark.parametrize("value", [0, 1, 2**26])
def test_the_smallest_and_the_largest_residues_keep_apart(
    value: int, from_top: bool, bits: int
) -> None:
    other = 2**bits - 1 - value
    residues = np.array(([other, value] if from_top else [value, other]) * 32, np.uint32)

    assert pack(residues, bits) == slow_pack(residues, bits)
    assert np.array_equal(unpack(pack(residues, bits), 64, bits), residues)


@each_width
def test_arrays_are_packed_in_c_order_whatever_their_memory_looks_like(bits: int) -> None:
    residues = random_residues(2 * 3 * 64, bits).reshape(2, 3, 64)
    expected = slow_pack(residues.reshape(-1), bits)

    assert pack(residues, bits) == pack(np.asfortranarray(residues), bits) == expected
    assert pack(np.repeat(residues, 2, axis=2)[..., ::2], bits) == expected
    assert pack(residues[..., ::-1], bits) == slow_pack(residues[..., ::-1].reshape(-1), bits)


@each_width
def test_a_view_of_bytes_is_read_like_bytes(bits: int) -> None:
    residues = random_residues(64, bits)
    data = b"12345" + pack(residues, bits) + b"6"

    assert np.array_equal(unpack(memoryview(data)[5:-1], 64, bits), residues)


@each_width
def test_no_residues_are_no_bytes(bits: int) -> None:
    assert pack(np.empty(0, np.uint32), bits) == b""
    assert unpack(b"", 0, bits).size == packed_size(0, bits) == 0


@each_width
@pytest.mark.parametrize("count", [1, 8, 31, 33])
def test_residues_that_are_no_whole_groups_are_refused(count: int, bits: int) -> None:
    for refused in (
        lambda: packed_size(count, bits),
        lambda: pack(np.zeros(count, np.uint32), bits),
        lambda: unpack(bytes(bits * count // 8), count, bits),
    ):
        with pytest.raises(MalformedMessageError, match="not whole groups of 32"):
            refused()


@each_width
@pytest.mark.parametrize("place", [0, 17, 31])
def test_a_residue_of_more_bits_is_refused(place: int, bits: int) -> None:
    residues = np.zeros(32, np.uint32)
    residues[place] = 2**bits

    with pytest.raises(MalformedMessageError, match=f"more than {bits} bits"):
        pack(residues, bits)


@each_width
@pytest.mark.parametrize("off_by", [-1, 1])
def test_bytes_of_another_size_are_refused(off_by: int, bits: int) -> None:
    for size in (0, 4 * bits + off_by, 8 * bits):
        with pytest.raises(MalformedMessageError, match=f"{size} bytes do not hold 32"):
            unpack(bytes(size), 32, bits)

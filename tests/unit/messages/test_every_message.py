"""What holds for every message: it has exactly one encoding, and nothing else is read."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable
from itertools import chain
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gallery.messages
from gallery.errors import GalleryError, MalformedMessageError
from tests.builders import (
    block_update,
    content,
    description,
    distances,
    manifest,
    probe,
    table,
    update_of,
)
from tests.unit.messages.strategies import every_message

BLOCK = block_update(0, 2)
EXAMPLES = [
    description(),
    description(threshold=None, name="Zürich 東京"),
    BLOCK.block.header,
    table(1, 5, [0, 3, 4095]),
    table(0, 1, []),
    manifest(4, update_of(manifest(3), BLOCK).manifest.entries),
    manifest(1),
    probe(),
    distances(),
    BLOCK.block,
    update_of(manifest(1), BLOCK),
]
SMALL = 2000
"""Messages up to this size are tried exhaustively; those with residues by a sample."""

each_example = pytest.mark.parametrize("message", EXAMPLES, ids=lambda m: type(m).__name__)


def accepted_means_canonical(read: Callable[[bytes], Any], data: bytes) -> None:
    try:
        found = read(data)
    except GalleryError:
        return
    assert found.to_bytes() == data


def test_every_message_with_bytes_is_covered_here() -> None:
    public = [getattr(gallery.messages, name) for name in gallery.messages.__all__]
    kinds = [kind for kind in public if isinstance(kind, type)]

    with_bytes = {kind.__name__ for kind in kinds if hasattr(kind, "from_bytes")}

    assert with_bytes == {type(message).__name__ for message in EXAMPLES} == set(every_message)


@pytest.mark.parametrize("name", every_message)
def test_what_is_written_reads_back_equal_and_encodes_to_the_same_bytes(name: str) -> None:
    @settings(max_examples=100 if name in ("GalleryDescription", "Manifest") else 25)
    @given(every_message[name])
    def check(message: Any) -> None:
        data = message.to_bytes()

        found = type(message).from_bytes(data)

        assert content(found) == content(message)
        assert found.to_bytes() == data

    check()


@each_example
def test_every_truncation_is_malformed(message: Any) -> None:
    data = message.to_bytes()
    sizes = chain(range(min(len(data), SMALL)), range(SMALL, len(data), 4999))
    tail = range(max(0, len(data) - 100), len(data))

    for size in chain(sizes, tail):
        with pytest.raises(MalformedMessageError):
            type(message).from_bytes(data[:size])


@each_example
@pytest.mark.parametrize("extra", [b"\0", b"\xff", b"\0\0\0\0", b"EFGM"])
def test_every_appended_byte_is_malformed(message: Any, extra: bytes) -> None:
    with pytest.raises(MalformedMessageError):
        type(message).from_bytes(message.to_bytes() + extra)


@each_example
def test_every_other_magic_version_or_type_is_malformed(message: Any) -> None:
    data = message.to_bytes()

    for place in range(8):
        for value in set(range(256)) - {data[place]}:
            with pytest.raises(MalformedMessageError):
                type(message).from_bytes(data[:place] + bytes([value]) + data[place + 1 :])


@each_example
def test_one_message_is_never_read_as_another(message: Any) -> None:
    for kind in {type(other) for other in EXAMPLES} - {type(message)}:
        with pytest.raises(MalformedMessageError, match=r"its type is \d, expected \d"):
            kind.from_bytes(message.to_bytes())


@each_example
def test_a_flipped_bit_is_refused_or_makes_another_message_with_exactly_those_bytes(
    message: Any,
) -> None:
    data = bytearray(message.to_bytes())
    bits = range(8 * len(data))
    if len(data) > SMALL:
        sampled = random.Random(7).sample(range(8 * 64, 8 * len(data)), 1000)
        bits = [*range(8 * 64), *sampled]

    for bit in bits:
        data[bit // 8] ^= 1 << bit % 8
        accepted_means_canonical(type(message).from_bytes, bytes(data))
        data[bit // 8] ^= 1 << bit % 8


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda m: type(m).__name__)
def test_any_bytes_after_a_good_start_are_refused_or_canonical(message: Any) -> None:
    start = message.to_bytes()[:SMALL]

    @given(st.integers(8, len(start)), st.binary(max_size=300))
    def check(kept: int, rest: bytes) -> None:
        accepted_means_canonical(type(message).from_bytes, start[:kept] + rest)

    check()


def test_nothing_at_all_is_malformed() -> None:
    for message in EXAMPLES:
        with pytest.raises(MalformedMessageError, match="truncated, 8 bytes expected and 0 left"):
            type(message).from_bytes(b"")


# Where in each message a count or a length stands: 8 bytes of header, then the fields before it.
_CLAIMS = {
    "entries of a manifest": (manifest(1), 8 + 16 + 8),
    "references of a table": (table(0, 1, [0]), 8 + 16 + 4 + 8),
    "bytes of an update's manifest": (update_of(manifest(1), BLOCK), 8 + 8),
    "blocks of an update": (update_of(manifest(1)), 8 + 8 + 4 + len(manifest(1).to_bytes())),
    "bytes of a block's header": (BLOCK.block, 8),
    "bytes of an occupancy map": (BLOCK.block.header, 8 + 16 + 4 + 8 + (2 + 7) + 4),
    "values of a probe": (probe(), 8 + 16 + 16 + (2 + 7)),
}


@pytest.mark.parametrize("claim", _CLAIMS)
def test_a_count_in_the_billions_is_refused_without_allocating_for_it(claim: str) -> None:
    message, place = _CLAIMS[claim]
    data = message.to_bytes()
    hostile = data[:place] + b"\xff\xff\xff\xff" + data[place + 4 :]
    tracemalloc.start()

    try:
        with pytest.raises(GalleryError):
            type(message).from_bytes(hostile)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 1_000_000


def test_the_largest_dimension_with_too_few_bytes_is_refused_without_allocating_for_it() -> None:
    data, place = probe().to_bytes(), 8 + 16 + 16 + (2 + 7)
    hostile = data[:place] + (4096).to_bytes(4, "little") + data[place + 4 :]
    tracemalloc.start()

    try:
        with pytest.raises(MalformedMessageError, match="take 268566528 bytes, found 196608"):
            type(probe()).from_bytes(hostile)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 1_000_000

"""Rules of every message: it has exactly one encoding, and nothing else is read."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import chain
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gallery.messages
from gallery.errors import GalleryError, MalformedMessageError
from gallery.messages import (
    BlockIndices,
    DescriptionUpdate,
    EncryptedProbe,
    Failure,
    GalleryContent,
    GalleryNames,
    GalleryReplacement,
    SealedCheckSums,
)
from gallery.parameters import LIGHT, STANDARD, SWIFT
from tests.support.builders import (
    block_references,
    block_result,
    block_update,
    content,
    description,
    distances,
    hinted_description,
    manifest,
    probe,
    random_hint,
    relabelling,
    relabelling_update,
    search_request,
    seeded_columns,
    table,
    update_of,
)
from tests.unit.messages.strategies import every_message

BLOCK = block_update(0, 2)
SEEDED = block_update(0, 2, seeded=True)
SWIFT_BLOCK, LIGHT_BLOCK = (block_update(0, 2, parameters=chosen) for chosen in (SWIFT, LIGHT))
SUMS = SealedCheckSums(bytes(range(200)))
RELABELLING = relabelling(SWIFT_BLOCK, 3, [7])
RELABELLED = relabelling_update(
    manifest(2, update_of(manifest(1), SWIFT_BLOCK).manifest.entries), RELABELLING
)
SWIFT_CONTENT = GalleryContent(
    hinted_description(SWIFT), update_of(manifest(1), SWIFT_BLOCK).manifest, SUMS
)
EXAMPLES: list[Any] = [
    description(),
    description(threshold=None, name="Zürich 東京"),
    description(calibration=bytes(range(73))),
    BLOCK.block.header,
    table(1, 5, [0, 3, 4095]),
    table(0, 1, []),
    manifest(4, update_of(manifest(3), BLOCK).manifest.entries),
    manifest(1),
    probe(),
    probe(seeded=True),
    distances(),
    BLOCK.block,
    SEEDED.block,
    update_of(manifest(1), BLOCK),
    search_request(),
    search_request(probe(3), probe(4, seeded=True)),
    block_result(BLOCK, distances(5), distances(6)),
    block_result(BLOCK, references=False),
    block_references(BLOCK),
    GalleryContent(description(), manifest(1, update_of(manifest(3), BLOCK).manifest.entries)),
    BLOCK,
    SEEDED,
    GalleryReplacement(3, description(), 4),
    DescriptionUpdate(bytes(range(32)), description(calibration=bytes(73))),
    GalleryNames(("staff", "visitors", "Zürich 東京")),
    GalleryNames(()),
    BlockIndices((0, 1, 7)),
    BlockIndices(()),
    Failure("GalleryNotFoundError", "there is no gallery named 'staff'"),
    hinted_description(SWIFT),
    hinted_description(LIGHT, calibration=bytes(range(73))),
    SWIFT_BLOCK.block.header,
    SWIFT_BLOCK.block,
    LIGHT_BLOCK,
    table(0, 1, [0, 7], b"a hint"),
    table(0, 1, [], random_hint(LIGHT)),
    probe(parameters=SWIFT),
    probe(parameters=LIGHT),
    distances(parameters=SWIFT),
    distances(parameters=LIGHT),
    update_of(manifest(1), LIGHT_BLOCK, check_sums=SUMS),
    search_request(probe(parameters=LIGHT), known_check_sums=SUMS.digest()),
    block_result(SWIFT_BLOCK, distances(parameters=SWIFT)),
    block_references(LIGHT_BLOCK),
    SWIFT_CONTENT,
    SUMS,
    SealedCheckSums(),
    RELABELLING.header,
    relabelling(BLOCK, 3, [0, 7]).header,
    RELABELLING,
    RELABELLED,
    replace(RELABELLED, check_sums=SUMS),
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


def size_without_last_field(message: Any) -> int:
    """Return where a message would end without a last field that may be left out; -1 without one.

    Cut off there, it is another message. Of a description with a calibration, what then stands for
    the MAC is a part of the calibration.
    """
    sealed = getattr(message, "calibration", b"")
    if not isinstance(message, SealedCheckSums) and getattr(message, "check_sums", None):
        sealed = message.check_sums.sealed
    optional = 4 + len(sealed) if sealed else len(getattr(message, "known_check_sums", b""))
    return len(message.to_bytes()) - optional if optional else -1


@each_example
def test_every_truncation_is_malformed(message: Any) -> None:
    data = message.to_bytes()
    sizes = chain(range(min(len(data), SMALL)), range(SMALL, len(data), 4999))
    tail = range(max(0, len(data) - 100), len(data))

    for size in {*sizes, *tail} - {size_without_last_field(message)}:
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
        with pytest.raises(
            MalformedMessageError, match=r"its type is \d+, expected \d+|format version 2"
        ):
            kind.from_bytes(message.to_bytes())


@each_example
def test_a_flipped_bit_is_refused_or_makes_another_message_with_exactly_those_bytes(
    message: Any,
) -> None:
    data = bytearray(message.to_bytes())
    bits: Iterable[int] = range(8 * len(data))
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


def size_of(message: Any) -> int:
    return len(message.to_bytes())


_HEADER, _UPDATE = size_of(BLOCK.block.header), update_of(manifest(1))
_REQUEST, _RESULT = search_request(probe()), block_result(BLOCK, distances())
_CONTENT = GalleryContent(description(), manifest(1))

# Where in each message a count or a length stands: 8 bytes of header, then the fields before it.
_CLAIMS: dict[str, tuple[Any, int]] = {
    "entries of a manifest": (manifest(1), 8 + 16 + 8),
    "references of a table": (table(0, 1, [0]), 8 + 16 + 4 + 8),
    "bytes of an update's manifest": (update_of(manifest(1), BLOCK), 8 + 8 + 1),
    "blocks of an update": (_UPDATE, 8 + 8 + 1 + 4 + size_of(_UPDATE.manifest)),
    "bytes of a block's header": (BLOCK.block, 8),
    "bytes of an occupancy map": (BLOCK.block.header, 8 + 16 + 4 + 8 + (2 + 7) + 4),
    "values of a probe": (probe(), 8 + 16 + 16 + (2 + 7)),
    "values of a seeded probe": (probe(seeded=True), 8 + 16 + 16 + (2 + 7)),
    "known blocks of a search": (_REQUEST, 8 + 16),
    "probes of a search": (_REQUEST, 8 + 16 + 4 + 2 * 12),
    "bytes of a search's probe": (_REQUEST, 8 + 16 + 4 + 2 * 12 + 4),
    "bytes of a result's header": (_RESULT, 8),
    "bytes of a result's references": (_RESULT, 8 + 4 + _HEADER + 1),
    "distances of a result": (
        block_result(BLOCK, distances(), references=False),
        8 + 4 + _HEADER + 1,
    ),
    "bytes of a result's distances": (
        block_result(BLOCK, distances(), references=False),
        8 + 4 + _HEADER + 1 + 4,
    ),
    "bytes of the header of references": (block_references(BLOCK), 8),
    "bytes of the table of references": (block_references(BLOCK), 8 + 4 + _HEADER),
    "bytes of a content's description": (_CONTENT, 8),
    "bytes of a content's manifest": (_CONTENT, 8 + 4 + size_of(_CONTENT.description)),
    "bytes of a block update's block": (BLOCK, 8),
    "bytes of a block update's references": (SEEDED, 8 + 4 + size_of(SEEDED.block)),
    "bytes of a replacement's description": (GalleryReplacement(3, description(), 4), 8 + 8),
    "bytes of a redescription": (DescriptionUpdate(bytes(32), description()), 8 + 32),
    "bytes of a calibration": (
        description(calibration=bytes(73)),
        size_of(description(calibration=bytes(73))) - 32 - 73 - 4,
    ),
    "names of a listing": (GalleryNames(("staff",)), 8),
    "indices of a listing": (BlockIndices((0, 1)), 8),
    "bytes of a table's hint": (table(0, 1, [0], b"a hint"), 8 + 16 + 4 + 8 + 4),
    "references of a table with a hint": (table(0, 1, [0], b"a hint"), 8 + 16 + 4 + 8),
    "columns of a header": (SWIFT_BLOCK.block.header, size_of(SWIFT_BLOCK.block.header) - 68),
    "columns of a probe": (probe(parameters=SWIFT), 8 + 16 + 16 + (2 + 5) + 4),
    "values of a hinted probe": (probe(parameters=LIGHT), 8 + 16 + 16 + (2 + 5)),
    "bytes of an update's check sums": (
        update_of(manifest(1), check_sums=SUMS),
        size_of(update_of(manifest(1))),
    ),
    "relabellings of an update": (
        RELABELLED,
        size_of(RELABELLED) - 8 - size_of(RELABELLING),
    ),
    "bytes of an update's relabelling": (
        RELABELLED,
        size_of(RELABELLED) - 4 - size_of(RELABELLING),
    ),
    "bytes of a relabelling's header": (RELABELLING, 8),
    "bytes of a relabelling's references": (RELABELLING, 8 + 4 + size_of(RELABELLING.header)),
    "bytes of a content's check sums": (SWIFT_CONTENT, size_of(SWIFT_CONTENT) - 204),
    "bytes of check sums": (SUMS, 8),
    "bytes of a failure's text": (Failure("GalleryError", ""), 8 + 2 + 12 - 2),
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


@pytest.mark.parametrize(
    "made, expected",
    [
        (probe(), "take 226603008 bytes, found 165888"),
        (probe(seeded=True), "take 113301504 bytes, found 82944"),
    ],
    ids=["whole", "seeded"],
)
def test_the_largest_dimension_with_too_few_bytes_is_refused_without_allocating_for_it(
    made: EncryptedProbe, expected: str
) -> None:
    data, place = made.to_bytes(), 8 + 16 + 16 + (2 + 7)
    hostile = data[:place] + (4096).to_bytes(4, "little") + data[place + 4 :]
    tracemalloc.start()

    try:
        with pytest.raises(MalformedMessageError, match=expected):
            EncryptedProbe.from_bytes(hostile)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 1_000_000


def test_a_seed_calls_for_no_more_memory_than_a_few_times_its_message() -> None:
    columns, seed = seeded_columns(STANDARD, 32)
    data = EncryptedProbe(bytes(16), bytes(16), STANDARD.name, 32, columns, seed).to_bytes()
    tracemalloc.start()

    try:
        EncryptedProbe.from_bytes(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # The residues are 64/27 of the message; the halves of the message unpacked, another 32/27.
    assert peak < 5 * len(data)

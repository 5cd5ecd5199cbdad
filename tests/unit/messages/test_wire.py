"""The wire format: fields, versions, and errors that name them."""

from __future__ import annotations

import struct

import pytest

from gallery.errors import MalformedMessageError
from gallery.messages.wire import MessageType, Reader, Writer


def test_a_message_starts_with_magic_version_and_type_and_its_numbers_are_little_endian() -> None:
    writer = Writer(MessageType.MANIFEST).u8(1).u16(2).u32(3).u64(4).f64(1.0)
    data = writer.fixed(b"xy").text("é").blob(b"z").bytes()

    assert data == bytes.fromhex(
        "4546474d 0100 0400"  # EFGM, version 1, type 4
        "01 0200 03000000 0400000000000000 000000000000f03f"
        "7879 0200c3a9 010000007a"
    )


def test_fields_are_taken_in_the_order_in_which_they_were_written() -> None:
    writer = Writer(MessageType.PROBE).u8(1).u16(2).u32(3).u64(4).f64(-0.5)
    reader = Reader(writer.fixed(b"xy").text("é").blob(b"z").bytes(), MessageType.PROBE)

    numbers = reader.u8(), reader.u16(), reader.u32(), reader.u64(), reader.f64()
    texts = reader.fixed(2), reader.text(), reader.blob()
    reader.end()

    assert numbers == (1, 2, 3, 4, -0.5)
    assert texts == (b"xy", "é", b"z")


def test_the_error_names_the_message_and_what_is_missing() -> None:
    reader = Reader(Writer(MessageType.BLOCK_HEADER).u8(1).bytes(), MessageType.BLOCK_HEADER)

    with pytest.raises(
        MalformedMessageError,
        match="malformed block header message: truncated, 4 bytes expected and 1 left",
    ):
        reader.u32()


def test_bytes_that_are_left_over_are_an_error_at_the_end() -> None:
    reader = Reader(Writer(MessageType.MANIFEST).u8(1).u8(2).bytes(), MessageType.MANIFEST)
    reader.u8()

    with pytest.raises(MalformedMessageError, match="1 bytes too many"):
        reader.end()


def test_a_version_of_the_future_is_named_in_the_error() -> None:
    data = bytearray(Writer(MessageType.MANIFEST).bytes())
    data[4] = 9

    with pytest.raises(MalformedMessageError, match="format version 9, this program reads"):
        Reader(bytes(data), MessageType.MANIFEST)


def test_text_beyond_64_kilobytes_cannot_be_written() -> None:
    with pytest.raises(struct.error):
        Writer(MessageType.DESCRIPTION).text("x" * 65536)


def test_a_number_that_a_database_could_not_hold_is_refused() -> None:
    data = Writer(MessageType.MANIFEST).u64(2**63 - 1).u64(2**63).bytes()
    reader = Reader(data, MessageType.MANIFEST)
    assert reader.u64() == 2**63 - 1

    with pytest.raises(MalformedMessageError, match="not below 2"):
        reader.u64()

"""A stream gives whole messages until its end, or says why there are no more."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.errors import MalformedMessageError, ServerBusyError
from gallery.messages import Failure
from gallery.messages.stream import END, framed, read_stream, write_stream
from tests.support.builders import manifest, table

MESSAGES = [manifest(1).to_bytes(), table(0, 1, [0, 5]).to_bytes(), manifest(2).to_bytes()]
WHOLE = b"".join(write_stream(MESSAGES))
LARGEST = max(map(len, MESSAGES))

messages = st.lists(st.binary(min_size=1, max_size=60).map(lambda data: b"EFGM" + data))


def read(data: bytes, largest: int = LARGEST) -> list[bytes]:
    return list(read_stream(io.BytesIO(data), largest))


class Meter(io.BytesIO):
    """A source that knows the largest piece that was asked of it."""

    asked = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.asked = max(self.asked, size or 0)
        return super().read(size)


def test_a_message_stands_after_its_length_and_zero_ends_the_stream() -> None:
    assert framed(b"EFGM1234") == b"\x08\0\0\0EFGM1234"
    assert b"".join(write_stream([b"ab", b"c"])) == b"\x02\0\0\0ab\x01\0\0\0c\0\0\0\0"
    assert END == b"\0\0\0\0"


@given(messages)
def test_what_is_written_is_read_back(made: list[bytes]) -> None:
    assert read(b"".join(write_stream(made)), 100) == made


def test_a_stream_without_messages_is_its_end() -> None:
    assert b"".join(write_stream([])) == END
    assert read(END) == []


def test_messages_are_written_as_they_are_made_and_given_as_they_come() -> None:
    made = []

    def slowly() -> Iterator[bytes]:
        for message in MESSAGES:
            made.append(message)
            yield message

    stream = write_stream(slowly())
    start = next(stream) + next(stream)

    assert made == MESSAGES[:2]
    reading = read_stream(io.BytesIO(start), LARGEST)
    assert [next(reading), next(reading)] == MESSAGES[:2]


def test_a_stream_that_is_cut_off_anywhere_is_malformed_after_its_whole_messages() -> None:
    for size in range(len(WHOLE)):
        found = []
        with pytest.raises(MalformedMessageError, match="it was cut off"):
            for message in read_stream(io.BytesIO(WHOLE[:size]), LARGEST):
                found.append(message)
        assert found == MESSAGES[: len(found)]
        assert len(b"".join(map(framed, found))) <= size


@pytest.mark.parametrize("more", [b"\0", END, framed(MESSAGES[0]), WHOLE])
def test_a_stream_that_goes_on_after_its_end_is_malformed(more: bytes) -> None:
    with pytest.raises(MalformedMessageError, match="it goes on after its end"):
        read(WHOLE + more)


@pytest.mark.parametrize("length", [LARGEST + 1, 2**31, 2**32 - 1])
def test_a_message_that_is_too_long_is_refused_before_it_is_read(length: int) -> None:
    source = Meter(framed(MESSAGES[0]) + length.to_bytes(4, "little") + bytes(LARGEST + 1))

    reading = read_stream(source, LARGEST)

    assert next(reading) == MESSAGES[0]
    with pytest.raises(MalformedMessageError, match=f"a message of {length} bytes"):
        next(reading)
    assert source.asked <= LARGEST


def test_a_failure_in_the_middle_is_raised_where_it_stands() -> None:
    failure = Failure.of(ServerBusyError("the server shuts down")).to_bytes()
    reading = read_stream(io.BytesIO(framed(MESSAGES[0]) + framed(failure)), LARGEST)

    assert next(reading) == MESSAGES[0]
    with pytest.raises(ServerBusyError, match="the server shuts down"):
        next(reading)


def test_a_failure_that_is_malformed_is_an_error_of_its_own() -> None:
    failure = Failure("ServerError", "why").to_bytes()

    for bad in (failure[:-1], failure + b"\0", failure[:4] + b"\x09" + failure[5:]):
        with pytest.raises(MalformedMessageError, match="malformed failure message"):
            read(framed(bad) + END)

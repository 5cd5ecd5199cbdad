"""Streams of messages, for content that is too large to be one message.

Each message stands after its length, 32 bits; four zero bytes end the stream, so that a stream that
was cut off is noticed. A `Failure` in place of a message says that the rest does not come.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Protocol

from gallery.errors import MalformedMessageError
from gallery.messages.failure import Failure
from gallery.messages.wire import MessageType, message_type

_LENGTH = struct.Struct("<I")

END = _LENGTH.pack(0)
"""The bytes that end a stream."""


class Readable(Protocol):
    """A source that a stream is read from, such as a file."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, fewer than ``size`` only at the end."""


def framed(message: bytes) -> bytes:
    """Return a message after its length."""
    return _LENGTH.pack(len(message)) + message


def write_stream(messages: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the bytes of a stream, message by message."""
    for message in messages:
        yield framed(message)
    yield END


def read_stream(source: Readable, largest: int) -> Iterator[bytes]:
    """Yield the messages of a stream.

    Parameters
    ----------
    source
        Where the bytes come from.
    largest
        Most bytes of one message; a longer one is refused before it is read.

    Raises
    ------
    MalformedMessageError
        If the stream is cut off, or goes on after its end.
    GalleryError
        The error that a `Failure` in the stream stands for.
    """
    while True:
        (length,) = _LENGTH.unpack(_take(source, _LENGTH.size))
        if length == 0:
            break
        if length > largest:
            raise MalformedMessageError(f"malformed stream: a message of {length} bytes")
        message = _take(source, length)
        if message_type(message) == MessageType.FAILURE:
            raise Failure.from_bytes(message).error()
        yield message
    if source.read(1):
        raise MalformedMessageError("malformed stream: it goes on after its end")


def _take(source: Readable, size: int) -> bytes:
    data = source.read(size)
    if len(data) != size:
        raise MalformedMessageError("malformed stream: it was cut off")
    return data

"""Listings: the names of galleries, the indices of blocks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from gallery.messages.manifest import MAX_BLOCKS
from gallery.messages.wire import MessageType, Reader, Writer

MAX_NAMES: Final = 16 * 1024 * 1024
"""Bytes of the names of all galleries together: 20,000 of the longest."""

MAX_INDICES: Final = 2 * MAX_BLOCKS
"""Blocks that a listing has: twice as many as a manifest can name."""


@dataclass(frozen=True)
class GalleryNames:
    """Names of galleries, in the order in which the database sorts them.

    Attributes
    ----------
    names
        The names.
    """

    names: tuple[str, ...]

    def to_bytes(self) -> bytes:
        """Return the message."""
        writer = Writer(MessageType.NAMES).u32(len(self.names))
        for name in self.names:
            writer.text(name)
        return writer.bytes()

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> GalleryNames:
        """Read a message (`MalformedMessageError`)."""
        reader = Reader(data, MessageType.NAMES)
        count = reader.u32()
        if 2 * count > reader.remaining:
            raise reader.malformed(f"{count} names do not fit its size")
        names = tuple(reader.text() for _ in range(count))
        reader.end()
        return cls(names)


@dataclass(frozen=True)
class BlockIndices:
    """Indices of blocks, ascending.

    Attributes
    ----------
    indices
        The indices, from 0.
    """

    indices: tuple[int, ...]

    def to_bytes(self) -> bytes:
        """Return the message."""
        writer = Writer(MessageType.INDICES).u32(len(self.indices))
        for index in self.indices:
            writer.u32(index)
        return writer.bytes()

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> BlockIndices:
        """Read a message (`MalformedMessageError`)."""
        reader = Reader(data, MessageType.INDICES)
        count = reader.u32()
        if 4 * count != reader.remaining:
            raise reader.malformed(f"{count} indices do not fit its size")
        indices = tuple(reader.u32() for _ in range(count))
        if any(first >= second for first, second in pairwise(indices)):
            raise reader.malformed("indices do not ascend")
        return cls(indices)

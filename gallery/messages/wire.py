"""The wire format: strict reading and writing of the fields that messages are made of.

All numbers are little-endian. Every message starts with the same eight bytes: the magic ``EFGM``,
the format version and the message type, both of 16 bits. Each type has versions of its own, so that
one can change while the others stay. A reader never allocates more than the
bytes that it was given call for, and refuses bytes that are left over at the end.
"""

from __future__ import annotations

import math
import struct
from enum import IntEnum

from gallery.errors import MalformedMessageError

MAGIC = b"EFGM"
FORMAT_VERSION = 1
_HEADER = struct.Struct("<4sHH")


class MessageType(IntEnum):
    """Types of messages; the number stands in a message's header."""

    DESCRIPTION = 1
    BLOCK_HEADER = 2
    REFERENCE_TABLE = 3
    MANIFEST = 4
    PROBE = 5
    DISTANCES = 6
    BLOCK = 7
    UPDATE = 8
    SEARCH = 9
    BLOCK_RESULT = 10
    REFERENCES = 11
    CONTENT = 12
    BLOCK_UPDATE = 13
    REPLACEMENT = 14
    NAMES = 15
    INDICES = 16
    FAILURE = 17
    REDESCRIPTION = 18
    CHECK_SUMS = 19
    RELABELLING = 20


class Writer:
    """Builds the bytes of one message."""

    def __init__(self, message_type: MessageType, version: int = FORMAT_VERSION) -> None:
        self._parts: list[bytes] = [_HEADER.pack(MAGIC, version, message_type)]

    def u8(self, value: int) -> Writer:
        """Append an unsigned integer of 8 bits."""
        return self._pack("<B", value)

    def u16(self, value: int) -> Writer:
        """Append an unsigned integer of 16 bits."""
        return self._pack("<H", value)

    def u32(self, value: int) -> Writer:
        """Append an unsigned integer of 32 bits."""
        return self._pack("<I", value)

    def u64(self, value: int) -> Writer:
        """Append an unsigned integer of 64 bits."""
        return self._pack("<Q", value)

    def f64(self, value: float) -> Writer:
        """Append a finite IEEE 754 double."""
        return self._pack("<d", value)

    def fixed(self, value: bytes) -> Writer:
        """Append bytes whose number the format fixes."""
        self._parts.append(value)
        return self

    def text(self, value: str) -> Writer:
        """Append text: the length of its UTF-8 bytes in 16 bits, then the bytes."""
        encoded = value.encode("utf-8")
        return self.u16(len(encoded)).fixed(encoded)

    def blob(self, value: bytes) -> Writer:
        """Append bytes of any number: the length in 32 bits, then the bytes."""
        return self.u32(len(value)).fixed(value)

    def bytes(self) -> bytes:
        """Return the message as written so far."""
        return b"".join(self._parts)

    def _pack(self, layout: str, value: float) -> Writer:
        self._parts.append(struct.pack(layout, value))
        return self


class Reader:
    """Takes the fields of one message apart, in order.

    Parameters
    ----------
    data
        The message.
    message_type
        The type that it should have.
    newest
        The newest format version of this type that is read.

    Attributes
    ----------
    version
        The message's format version, 1 to ``newest``.

    Raises
    ------
    MalformedMessageError
        By every method, if the bytes do not hold what is asked for.
    """

    def __init__(
        self, data: bytes | memoryview, message_type: MessageType, newest: int = FORMAT_VERSION
    ) -> None:
        self._data = memoryview(data)
        self._offset = 0
        self._name = message_type.name.lower().replace("_", " ")
        magic, self.version, found = _HEADER.unpack(self.fixed(_HEADER.size))
        if magic != MAGIC:
            raise self.malformed("it does not start with the magic bytes")
        if not FORMAT_VERSION <= self.version <= newest:
            raise self.malformed(
                f"format version {self.version}, this program reads version {newest}"
            )
        if found != message_type:
            raise self.malformed(f"its type is {found}, expected {int(message_type)}")

    def malformed(self, reason: str) -> MalformedMessageError:
        """Return the error that says that this message is malformed, and why."""
        return MalformedMessageError(f"malformed {self._name} message: {reason}")

    def u8(self) -> int:
        """Take an unsigned integer of 8 bits."""
        return int(self._unpack("<B"))

    def flag(self) -> bool:
        """Take a truth value: an integer of 8 bits that is 0 or 1."""
        value = self.u8()
        if value > 1:
            raise self.malformed(f"a flag is {value}")
        return bool(value)

    def u16(self) -> int:
        """Take an unsigned integer of 16 bits."""
        return int(self._unpack("<H"))

    def u32(self) -> int:
        """Take an unsigned integer of 32 bits."""
        return int(self._unpack("<I"))

    def u64(self) -> int:
        """Take an unsigned integer of 64 bits that is below 2**63, so that databases hold it."""
        value = int(self._unpack("<Q"))
        if value >= 2**63:
            raise self.malformed("a number is not below 2**63")
        return value

    def f64(self) -> float:
        """Take a finite double; negative zero, which has two encodings too many, is refused."""
        value = float(self._unpack("<d"))
        if not math.isfinite(value) or (value == 0.0 and math.copysign(1.0, value) < 0.0):
            raise self.malformed("a number is not finite")
        return value

    def fixed(self, size: int) -> bytes:
        """Take ``size`` bytes."""
        return bytes(self.view(size))

    def view(self, size: int) -> memoryview:
        """Take ``size`` bytes without copying them."""
        if size > self.remaining:
            raise MalformedMessageError(
                f"malformed {self._name} message: truncated, "
                f"{size} bytes expected and {self.remaining} left"
            )
        taken = self._data[self._offset : self._offset + size]
        self._offset += size
        return taken

    def text(self) -> str:
        """Take text."""
        try:
            return self.fixed(self.u16()).decode("utf-8")
        except UnicodeDecodeError as error:
            raise self.malformed("text is not UTF-8") from error

    def blob(self) -> bytes:
        """Take bytes of any number."""
        return self.fixed(self.u32())

    def blob_view(self) -> memoryview:
        """Take bytes of any number without copying them."""
        return self.view(self.u32())

    @property
    def remaining(self) -> int:
        """The number of bytes that are not taken yet."""
        return len(self._data) - self._offset

    def end(self) -> None:
        """Check that nothing is left."""
        if self.remaining:
            raise self.malformed(f"{self.remaining} bytes too many")

    def _unpack(self, layout: str) -> float:
        (value,) = struct.unpack(layout, self.view(struct.calcsize(layout)))
        number: float = value
        return number


def message_type(data: bytes) -> int:
    """Return the number of a message's type without reading the rest of it; 0 if it has none."""
    if len(data) < _HEADER.size or not data.startswith(MAGIC):
        return 0
    return int(_HEADER.unpack_from(data)[2])

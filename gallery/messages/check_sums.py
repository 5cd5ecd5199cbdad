"""The check sums of a gallery, sealed by its owner, against which results are checked."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property

from gallery.ciphertexts.bit_packing import packed_size
from gallery.messages.wire import MessageType, Reader, Writer
from gallery.parameters import ParameterSet

SEAL_SIZE = 12 + 16
"""Bytes that sealing adds: a nonce and a tag."""

MAX_SEALED = 64 * 1024 * 1024
"""Bytes of sealed check sums; more than those of the largest dimension take."""


@dataclass(frozen=True)
class SealedCheckSums:
    """Check sums that only their owner can open, bound to the blocks of one manifest.

    Attributes
    ----------
    sealed
        The sealed sums; empty for a gallery without blocks, or of a scheme that has no check sums.
    """

    sealed: bytes = b""

    def __bool__(self) -> bool:
        return bool(self.sealed)

    def digest(self) -> bytes:
        """Return SHA-256 of the sealed sums, by which a caller says that it has them."""
        return self._digest

    @cached_property
    def _digest(self) -> bytes:
        return hashlib.sha256(self.sealed).digest()

    def to_bytes(self) -> bytes:
        """Return the message."""
        return Writer(MessageType.CHECK_SUMS).blob(self.sealed).bytes()

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> SealedCheckSums:
        """Read a message (`MalformedMessageError`)."""
        reader = Reader(data, MessageType.CHECK_SUMS)
        sealed = reader.blob()
        reader.end()
        if len(sealed) > MAX_SEALED:
            raise reader.malformed(f"check sums of {len(sealed)} bytes")
        return cls(sealed)


def sealed_size(columns: int, parameters: ParameterSet) -> int:
    """Return the bytes of the sealed check sums of a gallery; 0 if its scheme has none.

    Parameters
    ----------
    columns
        Columns of the gallery's blocks.
    parameters
        Its parameter set.
    """
    if parameters.hint_shape is None:
        return 0
    residues = math.prod(parameters.probe_shape(columns))
    return packed_size(residues, parameters.residue_bits) + SEAL_SIZE


NO_CHECK_SUMS = SealedCheckSums()
"""The check sums of a gallery that holds no blocks, or whose scheme has none."""


def read_sealed(reader: Reader) -> bytes:
    """Take sealed check sums that are there (`MalformedMessageError`)."""
    sealed = reader.blob()
    if not 0 < len(sealed) <= MAX_SEALED:
        raise reader.malformed(f"check sums of {len(sealed)} bytes")
    return sealed


def read_optional(reader: Reader) -> SealedCheckSums:
    """Take the check sums at the end of a message, or none if nothing is left."""
    return SealedCheckSums(read_sealed(reader)) if reader.remaining else NO_CHECK_SUMS

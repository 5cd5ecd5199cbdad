"""The reference table of one block: its references, as the database may know them."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Literal, overload

import numpy as np
import numpy.typing as npt

from gallery.arrays import Integers
from gallery.errors import IntegrityError, MalformedMessageError
from gallery.messages.description import ID_SIZE
from gallery.messages.wire import MessageType, Reader, Writer

TAG_SIZE = 16
MAX_SEALED_LABEL = 4096

_FIXED = struct.Struct(f"<I{ID_SIZE}s{TAG_SIZE}s{TAG_SIZE}sH")
"""The part of a record before the sealed label: all other fields, and the label's size."""

REFERENCE_SIZE: Final = _FIXED.size + 4
"""Bytes that a reference takes in memory beside its sealed label: its record, and where it is."""

_SIZE = struct.Struct("<H")
_SIZE_AT = _FIXED.size - _SIZE.size

IdentifierField = Literal["reference_id", "pseudonym", "content_tag"]
"""The fields of a reference that have 16 bytes and name something."""

_IDENTIFIERS_AT: Final[dict[IdentifierField, int]] = {
    "reference_id": 4,
    "pseudonym": 4 + ID_SIZE,
    "content_tag": 4 + ID_SIZE + TAG_SIZE,
}

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class StoredReference:
    """One reference without its template.

    Attributes
    ----------
    position
        Position within the block.
    reference_id
        16 random bytes.
    pseudonym
        Keyed hash of the label: equal for the references of one subject in one gallery, 16 bytes.
    content_tag
        Keyed hash of the enrolled content, by which a second enrollment of it is noticed, 16 bytes.
    sealed_label
        The label under an AEAD that is bound to gallery and reference.
    """

    position: int
    reference_id: bytes
    pseudonym: bytes
    content_tag: bytes
    sealed_label: bytes

    def at(self, position: int) -> StoredReference:
        """Return the same reference at another position."""
        return replace(self, position=position)


class PackedReferences(Sequence[StoredReference]):
    """References as they stand in a message, one record after the other.

    A million of them take the bytes of their records and four more each; as objects they would take
    three times that. An object is made when one is asked for.

    Parameters
    ----------
    data
        The records.
    starts
        Where each begins, int64, shape (n,).
    """

    def __init__(self, data: bytes, starts: Integers) -> None:
        self._data = data
        self._starts = starts.astype(np.uint32)

    @classmethod
    def of(cls, references: Iterable[StoredReference]) -> PackedReferences:
        """Pack references in the given order."""
        records = [_record(item) for item in references]
        sizes = np.fromiter(map(len, records), np.int64, len(records))
        return cls(b"".join(records), np.cumsum(sizes) - sizes)

    @property
    def data(self) -> bytes:
        """The records."""
        return self._data

    @property
    def nbytes(self) -> int:
        """Bytes that they take in memory."""
        return len(self._data) + self._starts.nbytes

    @cached_property
    def positions(self) -> npt.NDArray[np.uint32]:
        """All positions, in order; uint32, shape (n,)."""
        records = np.ascontiguousarray(self._field(0, 4))
        return records.view("<u4").reshape(-1).astype(np.uint32, copy=False)

    @cached_property
    def subjects(self) -> npt.NDArray[np.uint64]:
        """The first eight bytes of all pseudonyms, big-endian, in order; uint64, shape (n,)."""
        leading = np.ascontiguousarray(self.identifiers("pseudonym")[:, :8])
        return leading.view(">u8").reshape(-1).astype(np.uint64)

    def identifiers(
        self, field: IdentifierField, rows: npt.NDArray[np.intp] | None = None
    ) -> Bytes:
        """Return one field of all references, or of some, in order; uint8, shape (n, 16).

        It may be a view, which is not contiguous.
        """
        return self._field(_IDENTIFIERS_AT[field], TAG_SIZE, rows)

    def values(self, field: IdentifierField) -> list[bytes]:
        """Return one field of all references, in order, 16 bytes each."""
        found = np.ascontiguousarray(self.identifiers(field)).tobytes()
        return [found[at : at + TAG_SIZE] for at in range(0, len(found), TAG_SIZE)]

    @overload
    def __getitem__(self, index: int) -> StoredReference: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[StoredReference, ...]: ...

    def __getitem__(self, index: int | slice) -> StoredReference | tuple[StoredReference, ...]:
        if isinstance(index, slice):
            return tuple(self[number] for number in range(*index.indices(len(self))))
        start = int(self._starts[index])
        position, reference_id, pseudonym, tag, size = _FIXED.unpack_from(self._data, start)
        label = start + _FIXED.size
        sealed_label = self._data[label : label + size]
        return StoredReference(position, reference_id, pseudonym, tag, sealed_label)

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[StoredReference]:
        return (self[index] for index in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PackedReferences) and self._data == other._data

    def __hash__(self) -> int:
        return hash(self._data)

    def __repr__(self) -> str:
        return f"<{len(self)} references>"

    def _field(self, offset: int, size: int, rows: npt.NDArray[np.intp] | None = None) -> Bytes:
        """Return the bytes of one field of all records, or of some, shape (n, size)."""
        records = np.frombuffer(self._data, np.uint8)
        if (stride := self._stride) is not None:
            view = records.reshape(-1, stride)[:, offset : offset + size]
            return view if rows is None else view[rows]
        starts = self._starts if rows is None else self._starts[rows]
        places = starts[:, None] + np.arange(offset, offset + size, dtype=np.uint32)
        field: Bytes = records[places]
        return field

    @cached_property
    def _stride(self) -> int | None:
        """Bytes of each record if all have as many, as they have if no label is long."""
        count = len(self._starts)
        stride = len(self._data) // count if count else 0
        equal = stride * count == len(self._data) and np.array_equal(
            self._starts, stride * np.arange(count, dtype=np.int64)
        )
        return stride if count and equal else None


_HINTED = 2**31
"""Set in the number of references where a hint stands before them."""


@dataclass(frozen=True)
class ReferenceTable:
    """All references of one block version, by ascending position, and the block's hint.

    Any sequence of references that it is made of is packed.

    Attributes
    ----------
    gallery_id
        The gallery that the block belongs to, 16 bytes.
    block_index, block_version
        Number of the block within the gallery, and its version.
    references
        The references, by ascending position.
    hint
        The hint with which the owner opens results of the block, packed residues; of the hinted
        scheme only. It stands here because it is needed exactly where the references are, and so
        that the header's digest covers it.
    """

    gallery_id: bytes
    block_index: int
    block_version: int
    references: Sequence[StoredReference]
    hint: bytes = b""

    def __post_init__(self) -> None:
        if not isinstance(self.references, PackedReferences):
            object.__setattr__(self, "references", PackedReferences.of(self.references))

    def __len__(self) -> int:
        return len(self.references)

    def __iter__(self) -> Iterator[StoredReference]:
        return iter(self.references)

    @property
    def nbytes(self) -> int:
        """Bytes that the references and the hint take in memory."""
        return self.packed.nbytes + len(self.hint)

    @property
    def packed(self) -> PackedReferences:
        """The references, packed."""
        assert isinstance(self.references, PackedReferences)
        return self.references

    def at(self, position: int) -> StoredReference:
        """Return the reference at a position (`KeyError` if there is none)."""
        positions = self.packed.positions
        index = int(np.searchsorted(positions, position))
        if index == len(positions) or positions[index] != position:
            raise KeyError(position)
        return self.references[index]

    def digest(self) -> bytes:
        """Return the digest that the block's header holds: SHA-256 of the message."""
        digest = hashlib.sha256(self._start())
        digest.update(self.packed.data)
        return digest.digest()

    def to_bytes(self) -> bytes:
        """Return the message."""
        return self._start() + self.packed.data

    @classmethod
    def of(
        cls,
        gallery_id: bytes,
        index: int,
        version: int,
        references: Iterable[StoredReference],
        hint: bytes = b"",
    ) -> ReferenceTable:
        """Return the table of the given references, sorted by position."""
        ordered = sorted(references, key=lambda item: item.position)
        return cls(gallery_id, index, version, PackedReferences.of(ordered), hint)

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> ReferenceTable:
        """Read a message.

        Raises
        ------
        MalformedMessageError
            If the bytes are not what `to_bytes` writes.
        """
        reader = Reader(data, MessageType.REFERENCE_TABLE)
        gallery_id, index, version = reader.fixed(ID_SIZE), reader.u32(), reader.u64()
        count = reader.u32()
        hinted = bool(count & _HINTED)
        count &= ~_HINTED
        hint = reader.blob() if hinted else b""
        if hinted and not hint:
            raise reader.malformed("an empty hint")
        if count * _FIXED.size > reader.remaining:
            raise reader.malformed(f"{count} references do not fit its size")
        records = reader.fixed(reader.remaining)
        packed = PackedReferences(records, _starts(records, count, reader))
        if np.any(packed.positions[:-1] >= packed.positions[1:]):
            raise reader.malformed("positions do not ascend")
        return cls(gallery_id, index, version, packed, hint)

    def _start(self) -> bytes:
        """Return the bytes before the references."""
        writer = Writer(MessageType.REFERENCE_TABLE).fixed(self.gallery_id)
        writer.u32(self.block_index).u64(self.block_version)
        if not self.hint:
            return writer.u32(len(self.references)).bytes()
        return writer.u32(len(self.references) | _HINTED).blob(self.hint).bytes()


def _record(item: StoredReference) -> bytes:
    """Return the record of one reference; `IntegrityError` if a field has a size that none has."""
    label = item.sealed_label
    names = item.reference_id, item.pseudonym, item.content_tag
    # `struct` would cut what is too long and fill what is too short, and so hide damage.
    if [len(name) for name in names] != [ID_SIZE, TAG_SIZE, TAG_SIZE]:
        raise _damaged()
    try:
        return _FIXED.pack(item.position, *names, len(label)) + label
    except struct.error:
        raise _damaged() from None


def _damaged() -> IntegrityError:
    return IntegrityError(
        "a reference's position, identifier, pseudonym, tag or label has a size that it cannot "
        "have; restore the database from a backup"
    )


def _starts(records: bytes, count: int, reader: Reader) -> Integers:
    """Return the offset of each record, after checking that they fill the bytes exactly."""
    if (starts := _equal_starts(records, count)) is not None:
        return starts
    found, start = np.empty(count, np.int64), 0
    for number in range(count):
        if start + _FIXED.size > len(records):
            raise _truncated(_FIXED.size, len(records) - start)
        found[number] = start
        (size,) = _SIZE.unpack_from(records, start + _SIZE_AT)
        if size > MAX_SEALED_LABEL:
            raise reader.malformed(f"a sealed label of {size} bytes")
        start += _FIXED.size + size
    if start > len(records):
        raise _truncated(size, len(records) - start + size)
    if start < len(records):
        raise reader.malformed(f"{len(records) - start} bytes too many")
    return found


def _equal_starts(records: bytes, count: int) -> Integers | None:
    """Return the offset of each record if all have one size, as they do if no label is long."""
    if not count or len(records) % count:
        return None
    stride = len(records) // count
    size = stride - _FIXED.size
    sizes = np.frombuffer(records, np.uint8).reshape(count, stride)[:, _SIZE_AT : _SIZE_AT + 2]
    if size > MAX_SEALED_LABEL or np.any(sizes != np.frombuffer(_SIZE.pack(size), np.uint8)):
        return None
    return np.arange(count, dtype=np.int64) * stride


def _truncated(expected: int, left: int) -> MalformedMessageError:
    return MalformedMessageError(
        f"malformed reference table message: truncated, {expected} bytes expected and {left} left"
    )

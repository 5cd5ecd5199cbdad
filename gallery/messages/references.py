"""Who is where: the references of one block, as the database may know them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from gallery.messages.description import ID_SIZE
from gallery.messages.wire import MessageType, Reader, Writer

TAG_SIZE = 16
MAX_SEALED_LABEL = 4096


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
        Keyed hash of what was enrolled, by which a second enrollment of it is noticed, 16 bytes.
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


@dataclass(frozen=True)
class ReferenceTable:
    """All references of one block version, by ascending position."""

    gallery_id: bytes
    block_index: int
    block_version: int
    references: tuple[StoredReference, ...]

    def __len__(self) -> int:
        return len(self.references)

    def __iter__(self) -> Iterator[StoredReference]:
        return iter(self.references)

    def digest(self) -> bytes:
        """Return the digest that the block's header holds: SHA-256 of the message."""
        return hashlib.sha256(self.to_bytes()).digest()

    def to_bytes(self) -> bytes:
        """Return the message."""
        writer = Writer(MessageType.REFERENCE_TABLE).fixed(self.gallery_id)
        writer.u32(self.block_index).u64(self.block_version).u32(len(self.references))
        for item in self.references:
            writer.u32(item.position).fixed(item.reference_id).fixed(item.pseudonym)
            writer.fixed(item.content_tag).u16(len(item.sealed_label)).fixed(item.sealed_label)
        return writer.bytes()

    @classmethod
    def of(
        cls, gallery_id: bytes, index: int, version: int, references: Iterable[StoredReference]
    ) -> ReferenceTable:
        """Return the table of the given references, sorted by position."""
        ordered = tuple(sorted(references, key=lambda item: item.position))
        return cls(gallery_id, index, version, ordered)

    @classmethod
    def from_bytes(cls, data: bytes) -> ReferenceTable:
        """Read a message.

        Raises
        ------
        MalformedMessageError
            If the bytes are not what `to_bytes` writes.
        """
        reader = Reader(data, MessageType.REFERENCE_TABLE)
        gallery_id, index, version = reader.fixed(ID_SIZE), reader.u32(), reader.u64()
        count = reader.u32()
        if count * (4 + ID_SIZE + 2 * TAG_SIZE + 2) > reader.remaining:
            raise reader.malformed(f"{count} references do not fit its size")
        references = tuple(_read_reference(reader) for _ in range(count))
        reader.end()
        positions = [item.position for item in references]
        if any(a >= b for a, b in pairwise(positions)):
            raise reader.malformed("positions do not ascend")
        return cls(gallery_id, index, version, references)


def _read_reference(reader: Reader) -> StoredReference:
    position = reader.u32()
    fixed = reader.fixed(ID_SIZE), reader.fixed(TAG_SIZE), reader.fixed(TAG_SIZE)
    size = reader.u16()
    if size > MAX_SEALED_LABEL:
        raise reader.malformed(f"a sealed label of {size} bytes")
    return StoredReference(position, *fixed, sealed_label=reader.fixed(size))

"""Messages of a search: the request, and the result of each block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from gallery.messages.block import BlockHeader
from gallery.messages.check_sums import NO_CHECK_SUMS, SealedCheckSums
from gallery.messages.description import DIGEST_SIZE, ID_SIZE
from gallery.messages.encrypted_distances import EncryptedDistances
from gallery.messages.manifest import Manifest
from gallery.messages.probe import EncryptedProbe
from gallery.messages.references import ReferenceTable
from gallery.messages.wire import MessageType, Reader, Writer

_KNOWN_SIZE = 4 + 8
"""Bytes of one known block."""

_BLOB_SIZE = 4
"""Least bytes of anything that stands after its length."""


@dataclass(frozen=True, eq=False)
class SearchRequest:
    """Probes to compare with a whole gallery.

    Attributes
    ----------
    gallery_id
        The gallery, 16 bytes.
    probes
        The probes; each is compared with every position of every block.
    known
        Version of the references that the caller has already, by block index. References are asked
        for by whole blocks only, never for candidates: the rows that a key owner looks at after
        decrypting would tell the server which subjects were found.
    known_check_sums
        Digest of the gallery's check sums that the caller has already; empty if it has none.
    """

    gallery_id: bytes
    probes: tuple[EncryptedProbe, ...]
    known: Mapping[int, int]
    known_check_sums: bytes = b""

    def to_bytes(self) -> bytes:
        """Return the message."""
        writer = Writer(MessageType.SEARCH).fixed(self.gallery_id).u32(len(self.known))
        for index, version in sorted(self.known.items()):
            writer.u32(index).u64(version)
        writer.u32(len(self.probes))
        for probe in self.probes:
            writer.blob(probe.to_bytes())
        if self.known_check_sums:
            writer.fixed(self.known_check_sums)
        return writer.bytes()

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> SearchRequest:
        """Read a message.

        Raises
        ------
        MalformedMessageError
            If the bytes are not what `to_bytes` writes.
        ParameterSetError, DimensionMismatchError
            If a probe has a parameter set or dimension that this program does not support.
        """
        reader = Reader(data, MessageType.SEARCH)
        gallery_id, count = reader.fixed(ID_SIZE), reader.u32()
        if count * _KNOWN_SIZE > reader.remaining:
            raise reader.malformed(f"{count} known blocks do not fit its size")
        stated = [(reader.u32(), reader.u64()) for _ in range(count)]
        if any(first >= second for (first, _), (second, _) in pairwise(stated)):
            raise reader.malformed("known blocks do not ascend")
        count = reader.u32()
        if count * _BLOB_SIZE > reader.remaining:
            raise reader.malformed(f"{count} probes do not fit its size")
        probes = tuple(EncryptedProbe.from_bytes(reader.blob_view()) for _ in range(count))
        known_check_sums = reader.fixed(DIGEST_SIZE) if reader.remaining else b""
        reader.end()
        return cls(gallery_id, probes, dict(stated), known_check_sums)


@dataclass(frozen=True, eq=False)
class BlockResult:
    """The result of a search for one block.

    Attributes
    ----------
    header
        The block's header.
    references
        Its references, or None if the caller said that it has those of this version.
    distances
        The encrypted distances, in the order of the probes.
    """

    header: BlockHeader
    references: ReferenceTable | None
    distances: tuple[EncryptedDistances, ...]

    def to_bytes(self) -> bytes:
        """Return the message."""
        writer = Writer(MessageType.BLOCK_RESULT).blob(self.header.to_bytes())
        writer.u8(self.references is not None)
        if self.references is not None:
            writer.blob(self.references.to_bytes())
        writer.u32(len(self.distances))
        for item in self.distances:
            writer.blob(item.to_bytes())
        return writer.bytes()

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> BlockResult:
        """Read a message.

        Raises
        ------
        MalformedMessageError
            If the bytes are not what `to_bytes` writes.
        ParameterSetError
            If it names a parameter set that this program does not know.
        """
        reader = Reader(data, MessageType.BLOCK_RESULT)
        header = BlockHeader.from_bytes(reader.blob())
        references = ReferenceTable.from_bytes(reader.blob()) if reader.flag() else None
        count = reader.u32()
        if count * _BLOB_SIZE > reader.remaining:
            raise reader.malformed(f"{count} distances do not fit its size")
        distances = tuple(EncryptedDistances.from_bytes(reader.blob_view()) for _ in range(count))
        reader.end()
        return cls(header, references, distances)


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The manifest that a search saw, and its results block by block as they are computed.

    Attributes
    ----------
    manifest
        The manifest.
    blocks
        Can be iterated once; its values come in the order of the manifest's entries.
    check_sums
        The gallery's check sums as of this manifest; none if the caller said that it has them, or
        if the gallery has none.
    """

    manifest: Manifest
    blocks: Iterator[BlockResult]
    check_sums: SealedCheckSums = NO_CHECK_SUMS

"""Updates of a gallery: whole new block versions, and the manifest that names them."""

from __future__ import annotations

from dataclasses import dataclass

from gallery.messages.block import EncryptedBlock
from gallery.messages.check_sums import NO_CHECK_SUMS, SealedCheckSums, read_optional
from gallery.messages.manifest import Manifest
from gallery.messages.references import ReferenceTable
from gallery.messages.relabelling import BlockRelabelling
from gallery.messages.wire import FORMAT_VERSION, MessageType, Reader, Writer

RELABELLING_VERSION = 2
"""Format version of updates that hold relabellings."""


@dataclass(frozen=True, eq=False)
class BlockUpdate:
    """A new version of one block with its references, which replace those that it had.

    Attributes
    ----------
    block
        The block.
    references
        Its references.
    """

    block: EncryptedBlock
    references: ReferenceTable

    def to_bytes(self) -> bytes:
        """Return the message."""
        writer = Writer(MessageType.BLOCK_UPDATE).blob(self.block.to_bytes())
        return writer.blob(self.references.to_bytes()).bytes()

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> BlockUpdate:
        """Read a message.

        Raises
        ------
        MalformedMessageError, BlockCorruptedError, ParameterSetError
            If the bytes are not what `to_bytes` writes.
        """
        reader = Reader(data, MessageType.BLOCK_UPDATE)
        block = EncryptedBlock.from_bytes(reader.blob_view())
        found = cls(block, ReferenceTable.from_bytes(reader.blob()))
        reader.end()
        return found


@dataclass(frozen=True, eq=False)
class GalleryUpdate:
    """A change of a gallery that is applied whole or not at all.

    Attributes
    ----------
    expected_version
        The manifest version that the writer saw. If the gallery has moved on, nothing is written.
    manifest
        The gallery's new manifest. Blocks that it no longer names are dropped.
    purge
        Whether every trace of what the update replaces must be gone from the database's files
        before the write counts as done, because something was erased.
    blocks
        The blocks that the new manifest names with a new version.
    check_sums
        Those of the blocks that the new manifest names; none if they stay as they are, or if the
        gallery's scheme has none.
    relabellings
        The blocks that the new manifest names with a new version that has the ciphertexts of the
        former one.
    """

    expected_version: int
    manifest: Manifest
    blocks: tuple[BlockUpdate, ...]
    purge: bool = False
    check_sums: SealedCheckSums = NO_CHECK_SUMS
    relabellings: tuple[BlockRelabelling, ...] = ()

    def to_bytes(self) -> bytes:
        """Return the message."""
        form = RELABELLING_VERSION if self.relabellings else FORMAT_VERSION
        writer = Writer(MessageType.UPDATE, form).u64(self.expected_version).u8(self.purge)
        writer.blob(self.manifest.to_bytes()).u32(len(self.blocks))
        for item in self.blocks:
            writer.blob(item.to_bytes())
        if self.relabellings:
            writer.u32(len(self.relabellings))
        for relabelling in self.relabellings:
            writer.blob(relabelling.to_bytes())
        if self.check_sums:
            writer.blob(self.check_sums.sealed)
        return writer.bytes()

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> GalleryUpdate:
        """Read a message.

        Raises
        ------
        MalformedMessageError, BlockCorruptedError, ParameterSetError
            If the bytes are not what `to_bytes` writes.
        """
        reader = Reader(data, MessageType.UPDATE, RELABELLING_VERSION)
        expected, purge = reader.u64(), reader.flag()
        manifest = Manifest.from_bytes(reader.blob())
        count = reader.u32()
        if count > len(manifest.entries):
            raise reader.malformed(f"{count} blocks and {len(manifest.entries)} manifest entries")
        blocks = tuple(BlockUpdate.from_bytes(reader.blob_view()) for _ in range(count))
        relabellings = _read_relabellings(reader, len(manifest.entries))
        check_sums = read_optional(reader)
        reader.end()
        return cls(expected, manifest, blocks, purge, check_sums, relabellings)


def _read_relabellings(reader: Reader, most: int) -> tuple[BlockRelabelling, ...]:
    """Take the relabellings of an update, of whose first version there are none."""
    if reader.version != RELABELLING_VERSION:
        return ()
    count = reader.u32()
    if not 1 <= count <= most:
        raise reader.malformed(f"{count} relabellings and {most} manifest entries")
    return tuple(BlockRelabelling.from_bytes(reader.blob_view()) for _ in range(count))

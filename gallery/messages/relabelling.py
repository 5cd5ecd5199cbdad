"""The relabelling of references: other labels for some references of a block, and no ciphertext."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gallery.errors import MalformedMessageError
from gallery.messages.block import BlockHeader
from gallery.messages.references import ReferenceTable
from gallery.messages.wire import MessageType, Reader, Writer


@dataclass(frozen=True, eq=False)
class BlockRelabelling:
    """A new version of one block that has the ciphertexts of the former one, and other labels.

    Attributes
    ----------
    header
        The owner's statement about the new version.
    changed
        The references that have another label, pseudonym and content tag than before, without the
        block's hint; all others stay.
    """

    header: BlockHeader
    changed: ReferenceTable

    def applied(self, former: ReferenceTable) -> ReferenceTable:
        """Return the whole table of the new version.

        Parameters
        ----------
        former
            The table of the version before.

        Returns
        -------
        ReferenceTable
            The references of the new version, sorted by position, with the block's hint.

        Raises
        ------
        MalformedMessageError
            If a reference that is changed was not there.
        """
        changed = {item.position: item for item in self.changed}
        items = [changed.pop(item.position, item) for item in former]
        kept = all(
            item.reference_id == before.reference_id
            for item, before in zip(items, former, strict=True)
        )
        if changed or not kept:
            raise MalformedMessageError("a reference that is relabelled is not in its block")
        header = self.header
        return ReferenceTable(header.gallery_id, header.index, header.version, items, former.hint)

    def to_bytes(self) -> bytes:
        """Return the message."""
        writer = Writer(MessageType.RELABELLING).blob(self.header.to_bytes())
        return writer.blob(self.changed.to_bytes()).bytes()

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> BlockRelabelling:
        """Read a message.

        Raises
        ------
        MalformedMessageError, ParameterSetError
            If the bytes are not what `to_bytes` writes.
        """
        reader = Reader(data, MessageType.RELABELLING)
        header = BlockHeader.from_bytes(reader.blob())
        found = cls(header, ReferenceTable.from_bytes(reader.blob()))
        reader.end()
        return found


def relabelled_header(former: BlockHeader, table: ReferenceTable) -> BlockHeader:
    """Return the header, without its MAC, of a block that keeps its ciphertexts.

    Parameters
    ----------
    former
        The header before.
    table
        The references of the new version, whose version it takes.

    Returns
    -------
    BlockHeader
        The new header, with zeros for the MAC, which `BlockHeader.with_mac` puts in.
    """
    return replace(
        former,
        version=table.block_version,
        encrypted_at=former.encryption_version,
        references_digest=table.digest(),
        mac=bytes(len(former.mac)),
    )

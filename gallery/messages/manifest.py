"""The manifest of a gallery: the versions of all of its blocks at one instant."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gallery.messages.description import ID_SIZE, MAC_SIZE
from gallery.messages.wire import MessageType, Reader, Writer

_ENTRY_SIZE = 4 + 8 + MAC_SIZE


@dataclass(frozen=True)
class ManifestEntry:
    """One block as the manifest names it: its index, its version and the MAC of its header."""

    index: int
    version: int
    block_mac: bytes


@dataclass(frozen=True)
class Manifest:
    """All blocks of a gallery, authenticated together.

    Because every entry holds the MAC of a block's header, and a header the digests of the block's
    ciphertexts and references, this one MAC binds the whole content of the gallery.

    Attributes
    ----------
    gallery_id
        The gallery that it belongs to, 16 bytes.
    version
        Number of the state; every write to the gallery makes it one higher.
    entries
        The blocks, by ascending index without gaps.
    mac
        Authentication code over all of the above, 32 bytes.
    """

    gallery_id: bytes
    version: int
    entries: tuple[ManifestEntry, ...]
    mac: bytes = bytes(MAC_SIZE)

    def statement(self) -> bytes:
        """Return the bytes that the MAC covers."""
        writer = Writer(MessageType.MANIFEST)
        writer.fixed(self.gallery_id).u64(self.version).u32(len(self.entries))
        for entry in self.entries:
            writer.u32(entry.index).u64(entry.version).fixed(entry.block_mac)
        return writer.bytes()

    def with_mac(self, mac: bytes) -> Manifest:
        """Return the manifest with its authentication code."""
        return replace(self, mac=mac)

    def to_bytes(self) -> bytes:
        """Return the message."""
        return self.statement() + self.mac

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> Manifest:
        """Read a message.

        Raises
        ------
        MalformedMessageError
            If the bytes are not what `to_bytes` writes.
        """
        reader = Reader(data, MessageType.MANIFEST)
        gallery_id, version, count = reader.fixed(ID_SIZE), reader.u64(), reader.u32()
        if count * _ENTRY_SIZE + MAC_SIZE != reader.remaining:
            raise reader.malformed(f"{count} entries do not fit its size")
        entries = tuple(
            ManifestEntry(reader.u32(), reader.u64(), reader.fixed(MAC_SIZE)) for _ in range(count)
        )
        if any(entry.index != expected for expected, entry in enumerate(entries)):
            raise reader.malformed("block indices are not 0, 1, 2, …")
        manifest = cls(gallery_id, version, entries, reader.fixed(MAC_SIZE))
        reader.end()
        return manifest

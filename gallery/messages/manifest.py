"""The manifest of a gallery: the versions of all of its blocks at one instant."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from gallery.messages.description import ID_SIZE, MAC_SIZE
from gallery.messages.wire import MessageType, Reader, Writer

DATED_VERSION: Final = 2
"""Format version of manifests that have a date and a lineage. Those without are written as before,
in version 1: what was signed by an earlier program verifies still."""

MAX_BLOCKS: Final = 2**16
"""Blocks of a gallery: 268 million references. A manifest is read before its MAC can be checked, so
this bounds what a forged one takes."""

_NO_LINEAGE: Final = bytes(ID_SIZE)
_ENTRY_SIZE: Final = 4 + 8 + MAC_SIZE

MAX_MANIFEST: Final = 8 + ID_SIZE + 8 + 8 + ID_SIZE + 4 + MAX_BLOCKS * _ENTRY_SIZE + MAC_SIZE
"""Bytes of the largest manifest: 2.9 MB."""


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """One block as the manifest names it: its index, its version and the MAC of its header.

    Attributes
    ----------
    index
        Number of the block within the gallery, from 0.
    version
        The manifest version at which the block was written.
    block_mac
        The MAC of its header, 32 bytes.
    """

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
        Authentication code over all of the above, and the date and the lineage, 32 bytes.
    signed
        When its owner signed it, seconds since 1970 UTC; None in what earlier programs signed.
    lineage
        16 random bytes that were drawn when the gallery was restored from a backup; empty for one
        that never was.
    """

    gallery_id: bytes
    version: int
    entries: tuple[ManifestEntry, ...]
    mac: bytes = bytes(MAC_SIZE)
    signed: int | None = None
    lineage: bytes = b""

    def statement(self) -> bytes:
        """Return the bytes that the MAC covers."""
        if self.signed is None:
            writer = Writer(MessageType.MANIFEST).fixed(self.gallery_id).u64(self.version)
        else:
            writer = Writer(MessageType.MANIFEST, DATED_VERSION)
            writer.fixed(self.gallery_id).u64(self.version)
            writer.u64(self.signed).fixed(self.lineage or _NO_LINEAGE)
        writer.u32(len(self.entries))
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
            If the bytes are not what `to_bytes` writes, or there are more than `MAX_BLOCKS` blocks.
        """
        reader = Reader(data, MessageType.MANIFEST, DATED_VERSION)
        gallery_id, version = reader.fixed(ID_SIZE), reader.u64()
        signed, lineage = None, _NO_LINEAGE
        if reader.version == DATED_VERSION:
            signed, lineage = reader.u64(), reader.fixed(ID_SIZE)
        entries = _read_entries(reader)
        mac = reader.fixed(MAC_SIZE)
        reader.end()
        return cls(
            gallery_id, version, entries, mac, signed, b"" if lineage == _NO_LINEAGE else lineage
        )


def _read_entries(reader: Reader) -> tuple[ManifestEntry, ...]:
    count = reader.u32()
    if count * _ENTRY_SIZE + MAC_SIZE != reader.remaining:
        raise reader.malformed(f"{count} entries do not fit its size")
    if count > MAX_BLOCKS:
        raise reader.malformed(f"{count} blocks, and a gallery has at most {MAX_BLOCKS}")
    entries = tuple(
        ManifestEntry(reader.u32(), reader.u64(), reader.fixed(MAC_SIZE)) for _ in range(count)
    )
    if any(entry.index != expected for expected, entry in enumerate(entries)):
        raise reader.malformed("block indices are not 0, 1, 2, …")
    return entries

"""Messages about whole galleries: content, replacement, and update of the description."""

from __future__ import annotations

from dataclasses import dataclass

from gallery.messages.check_sums import NO_CHECK_SUMS, SealedCheckSums, read_optional
from gallery.messages.description import MAC_SIZE, GalleryDescription
from gallery.messages.manifest import Manifest
from gallery.messages.wire import MessageType, Reader, Writer


@dataclass(frozen=True, eq=False)
class GalleryContent:
    """A gallery as its owner states it, but for its blocks.

    Attributes
    ----------
    description
        Its description.
    manifest
        The manifest that names its blocks.
    check_sums
        Those of the blocks, if the scheme has them and there are blocks.
    """

    description: GalleryDescription
    manifest: Manifest
    check_sums: SealedCheckSums = NO_CHECK_SUMS

    def to_bytes(self) -> bytes:
        """Return the message."""
        writer = Writer(MessageType.CONTENT).blob(self.description.to_bytes())
        writer.blob(self.manifest.to_bytes())
        if self.check_sums:
            writer.blob(self.check_sums.sealed)
        return writer.bytes()

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> GalleryContent:
        """Read a message (`MalformedMessageError`)."""
        reader = Reader(data, MessageType.CONTENT)
        description = GalleryDescription.from_bytes(reader.blob())
        manifest = Manifest.from_bytes(reader.blob())
        found = cls(description, manifest, read_optional(reader))
        reader.end()
        return found


@dataclass(frozen=True, eq=False)
class GalleryReplacement:
    """A statement that a gallery takes the place of an old one.

    Attributes
    ----------
    old_version
        The manifest version that the old gallery must be at.
    description
        The new description of the gallery that takes its place, with the old name.
    version
        The manifest version that this gallery must be at.
    """

    old_version: int
    description: GalleryDescription
    version: int

    def to_bytes(self) -> bytes:
        """Return the message."""
        writer = Writer(MessageType.REPLACEMENT).u64(self.old_version)
        return writer.blob(self.description.to_bytes()).u64(self.version).bytes()

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> GalleryReplacement:
        """Read a message (`MalformedMessageError`)."""
        reader = Reader(data, MessageType.REPLACEMENT)
        old_version = reader.u64()
        description = GalleryDescription.from_bytes(reader.blob())
        found = cls(old_version, description, reader.u64())
        reader.end()
        return found


@dataclass(frozen=True, eq=False)
class DescriptionUpdate:
    """A statement that a new description replaces the one that has the given MAC, 32 bytes.

    Attributes
    ----------
    former_mac
        Authentication code of the description to replace, 32 bytes.
    description
        The new one.
    """

    former_mac: bytes
    description: GalleryDescription

    def to_bytes(self) -> bytes:
        """Return the message."""
        writer = Writer(MessageType.REDESCRIPTION).fixed(self.former_mac)
        return writer.blob(self.description.to_bytes()).bytes()

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> DescriptionUpdate:
        """Read a message (`MalformedMessageError`)."""
        reader = Reader(data, MessageType.REDESCRIPTION)
        former_mac = reader.fixed(MAC_SIZE)
        found = cls(former_mac, GalleryDescription.from_bytes(reader.blob()))
        reader.end()
        return found

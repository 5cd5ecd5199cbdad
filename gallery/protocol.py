"""What a key owner can ask of the keyless side, whatever carries it there.

The embedded service implements this on a database in the same process; another transport can carry
the same messages to another machine. Nothing here takes or gives anything but messages.
"""

from __future__ import annotations

from typing import Protocol

from gallery.messages import (
    BlockReferences,
    EncryptedBlock,
    GalleryDescription,
    GalleryUpdate,
    Manifest,
    SearchRequest,
    SearchResult,
)


class GalleryService(Protocol):
    """The keyless side.

    All methods raise `DatabaseError` if the database fails, and `GalleryNotFoundError` if they
    name a gallery that is not there.
    """

    def create_gallery(self, description: GalleryDescription, manifest: Manifest) -> None:
        """Make an empty gallery; `GalleryExistsError` if its name is taken."""

    def gallery_names(self) -> list[str]:
        """Return the names of all galleries, sorted."""

    def describe(self, name: str) -> GalleryDescription:
        """Return the description of the gallery of that name."""

    def manifest(self, gallery_id: bytes) -> Manifest:
        """Return the newest manifest."""

    def block(self, gallery_id: bytes, index: int) -> EncryptedBlock:
        """Return the newest version of a block; `MissingBlockError` if there is none."""

    def references(self, gallery_id: bytes, index: int) -> BlockReferences:
        """Return the references of the newest version of a block; `MissingBlockError` likewise."""

    def write(self, gallery_id: bytes, update: GalleryUpdate) -> None:
        """Apply an update whole; `WriteConflictError` if the gallery is at another version."""

    def search(self, request: SearchRequest) -> SearchResult:
        """Compare probes with every position of every block, as of one manifest.

        Raises
        ------
        KeyMismatchError
            If a probe is encrypted under another key than the gallery.
        ParameterSetError, DimensionMismatchError
            If a probe has another parameter set or dimension than the gallery.
        BlockCorruptedError, MissingBlockError
            If the database has lost or damaged a block.
        """

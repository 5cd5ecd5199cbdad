"""Base of services that stand before another one: a subclass overrides what it watches."""

from __future__ import annotations

from collections.abc import Iterable

from gallery.messages import (
    NO_CHECK_SUMS,
    BlockReferences,
    BlockUpdate,
    EncryptedBlock,
    GalleryDescription,
    GalleryUpdate,
    Manifest,
    SealedCheckSums,
    SearchRequest,
    SearchResult,
)
from gallery.protocol import GalleryService, SearchObserver


class ForwardingService:
    """A `gallery.protocol.GalleryService` that passes each call on to another one as it is.

    Parameters
    ----------
    service
        The service that does the work.
    """

    def __init__(self, service: GalleryService) -> None:
        self._service = service

    def create_gallery(self, description: GalleryDescription, manifest: Manifest) -> None:
        """Make an empty gallery."""
        self._service.create_gallery(description, manifest)

    def gallery_names(self) -> list[str]:
        """Return the names of all galleries, sorted."""
        return self._service.gallery_names()

    def describe(self, name: str) -> GalleryDescription:
        """Return the description of the gallery of that name."""
        return self._service.describe(name)

    def manifest(self, gallery_id: bytes) -> Manifest:
        """Return the newest manifest."""
        return self._service.manifest(gallery_id)

    def block(self, gallery_id: bytes, index: int) -> EncryptedBlock:
        """Return the newest version of a block."""
        return self._service.block(gallery_id, index)

    def stored_blocks(self, gallery_id: bytes) -> tuple[int, ...]:
        """Return the indices of all blocks that are stored, ascending, named or not."""
        return self._service.stored_blocks(gallery_id)

    def references(self, gallery_id: bytes, index: int) -> BlockReferences:
        """Return the references of the newest version of a block."""
        return self._service.references(gallery_id, index)

    def check_sums(self, gallery_id: bytes) -> SealedCheckSums:
        """Return the newest check sums."""
        return self._service.check_sums(gallery_id)

    def write(self, gallery_id: bytes, update: GalleryUpdate) -> None:
        """Apply an update whole."""
        self._service.write(gallery_id, update)

    def purge(self) -> None:
        """Remove every trace of replaced and erased data from the database's files."""
        self._service.purge()

    def restore(
        self,
        description: GalleryDescription,
        manifest: Manifest,
        blocks: Iterable[BlockUpdate],
        check_sums: SealedCheckSums = NO_CHECK_SUMS,
    ) -> None:
        """Make a gallery with content, whole or not at all."""
        self._service.restore(description, manifest, blocks, check_sums)

    def replace(
        self,
        old_gallery_id: bytes,
        old_version: int,
        description: GalleryDescription,
        version: int,
    ) -> None:
        """Let a gallery take the place of an old one, which is erased, in one step."""
        self._service.replace(old_gallery_id, old_version, description, version)

    def update_description(self, former_mac: bytes, description: GalleryDescription) -> None:
        """Put a new description in the place of the one that has the given MAC."""
        self._service.update_description(former_mac, description)

    def delete(self, gallery_id: bytes) -> None:
        """Erase a gallery."""
        self._service.delete(gallery_id)

    def search(
        self, request: SearchRequest, observer: SearchObserver | None = None
    ) -> SearchResult:
        """Compare probes with every position of every block, as of one manifest."""
        return self._service.search(request, observer)

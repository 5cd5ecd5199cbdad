"""A service that keeps the bytes of everything that crosses the boundary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gallery.messages import (
    BlockReferences,
    BlockResult,
    BlockUpdate,
    EncryptedBlock,
    GalleryDescription,
    GalleryUpdate,
    Manifest,
    SearchRequest,
    SearchResult,
)
from gallery.protocol import GalleryService


class RecordingService:
    """Passes everything on, as bytes and back, and keeps what was said in both directions.

    Attributes
    ----------
    sent
        Name of the call and the bytes of its messages, in order.
    received
        The bytes of the answers, in order.
    """

    def __init__(self, service: GalleryService) -> None:
        self._service = service
        self.sent: list[tuple[str, bytes]] = []
        self.received: list[bytes] = []

    def create_gallery(self, description: GalleryDescription, manifest: Manifest) -> None:
        self.sent.append(("create_gallery", description.to_bytes() + manifest.to_bytes()))
        self._service.create_gallery(description, manifest)

    def gallery_names(self) -> list[str]:
        self.sent.append(("gallery_names", b""))
        return self._service.gallery_names()

    def describe(self, name: str) -> GalleryDescription:
        self.sent.append(("describe", name.encode()))
        return GalleryDescription.from_bytes(self._answer(self._service.describe(name).to_bytes()))

    def manifest(self, gallery_id: bytes) -> Manifest:
        self.sent.append(("manifest", gallery_id))
        return Manifest.from_bytes(self._answer(self._service.manifest(gallery_id).to_bytes()))

    def block(self, gallery_id: bytes, index: int) -> EncryptedBlock:
        self.sent.append(("block", gallery_id + bytes([index])))
        found = self._service.block(gallery_id, index).to_bytes()
        return EncryptedBlock.from_bytes(self._answer(found))

    def stored_blocks(self, gallery_id: bytes) -> tuple[int, ...]:
        self.sent.append(("stored_blocks", gallery_id))
        return self._service.stored_blocks(gallery_id)

    def references(self, gallery_id: bytes, index: int) -> BlockReferences:
        self.sent.append(("references", gallery_id + bytes([index])))
        found = self._service.references(gallery_id, index)
        self._answer(found.header.to_bytes() + found.table.to_bytes())
        return found

    def write(self, gallery_id: bytes, update: GalleryUpdate) -> None:
        message = update.to_bytes()
        self.sent.append(("write", message))
        self._service.write(gallery_id, GalleryUpdate.from_bytes(message))

    def purge(self) -> None:
        self.sent.append(("purge", b""))
        self._service.purge()

    def restore(
        self, description: GalleryDescription, manifest: Manifest, blocks: Iterable[BlockUpdate]
    ) -> None:
        self.sent.append(("restore", description.to_bytes() + manifest.to_bytes()))
        self._service.restore(description, manifest, self._restored(blocks))

    def _restored(self, blocks: Iterable[BlockUpdate]) -> Iterator[BlockUpdate]:
        for item in blocks:
            self.sent.append(("block", item.block.to_bytes() + item.references.to_bytes()))
            yield item

    def replace(
        self,
        old_gallery_id: bytes,
        old_version: int,
        description: GalleryDescription,
        version: int,
    ) -> None:
        self.sent.append(("replace", old_gallery_id + description.to_bytes()))
        self._service.replace(old_gallery_id, old_version, description, version)

    def delete(self, gallery_id: bytes) -> None:
        self.sent.append(("delete", gallery_id))
        self._service.delete(gallery_id)

    def search(self, request: SearchRequest) -> SearchResult:
        probes = b"".join(probe.to_bytes() for probe in request.probes)
        self.sent.append(("search", request.gallery_id + probes))
        result = self._service.search(request)
        self._answer(result.manifest.to_bytes())
        return SearchResult(result.manifest, self._blocks(result.blocks))

    def _blocks(self, blocks: Iterator[BlockResult]) -> Iterator[BlockResult]:
        for block in blocks:
            self._answer(block.header.to_bytes())
            self._answer(block.references.to_bytes() if block.references else b"")
            for distances in block.distances:
                self._answer(distances.to_bytes())
            yield block

    def _answer(self, data: bytes) -> bytes:
        self.received.append(data)
        return data

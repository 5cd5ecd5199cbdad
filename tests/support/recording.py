"""A service that keeps the bytes of everything that crosses the boundary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from gallery.errors import GalleryError
from gallery.forwarding import ForwardingService
from gallery.messages import (
    NO_CHECK_SUMS,
    BlockIndices,
    BlockReferences,
    BlockResult,
    BlockUpdate,
    DescriptionUpdate,
    EncryptedBlock,
    Failure,
    GalleryContent,
    GalleryDescription,
    GalleryNames,
    GalleryReplacement,
    GalleryUpdate,
    Manifest,
    SealedCheckSums,
    SearchRequest,
    SearchResult,
)
from gallery.protocol import GalleryService, SearchObserver


class RecordingService(ForwardingService):
    """Passes everything on, as bytes and back, and keeps what was said in both directions.

    Not even an error comes back otherwise than as a message.

    Attributes
    ----------
    sent
        Name of the call and the bytes of its messages, in order.
    received
        The bytes of the answers, in order.
    """

    def __init__(self, service: GalleryService) -> None:
        super().__init__(service)
        self._own: GalleryError | None = None
        """What went wrong on this side while the other one took blocks."""
        self.sent: list[tuple[str, bytes]] = []
        self.received: list[bytes] = []

    def create_gallery(self, description: GalleryDescription, manifest: Manifest) -> None:
        message = self._call("create_gallery", GalleryContent(description, manifest).to_bytes())
        with self._failing():
            content = GalleryContent.from_bytes(message)
            self._service.create_gallery(content.description, content.manifest)

    def gallery_names(self) -> list[str]:
        self._call("gallery_names", b"")
        with self._failing():
            found = GalleryNames(tuple(self._service.gallery_names()))
        return list(GalleryNames.from_bytes(self._answer(found.to_bytes())).names)

    def describe(self, name: str) -> GalleryDescription:
        self._call("describe", name.encode())
        with self._failing():
            found = self._service.describe(name)
        return GalleryDescription.from_bytes(self._answer(found.to_bytes()))

    def manifest(self, gallery_id: bytes) -> Manifest:
        self._call("manifest", gallery_id)
        with self._failing():
            found = self._service.manifest(gallery_id)
        return Manifest.from_bytes(self._answer(found.to_bytes()))

    def block(self, gallery_id: bytes, index: int) -> EncryptedBlock:
        self._call("block", gallery_id + index.to_bytes(4, "little"))
        with self._failing():
            found = self._service.block(gallery_id, index)
        return EncryptedBlock.from_bytes(self._answer(found.to_bytes()))

    def stored_blocks(self, gallery_id: bytes) -> tuple[int, ...]:
        self._call("stored_blocks", gallery_id)
        with self._failing():
            found = BlockIndices(self._service.stored_blocks(gallery_id))
        return BlockIndices.from_bytes(self._answer(found.to_bytes())).indices

    def references(self, gallery_id: bytes, index: int) -> BlockReferences:
        self._call("references", gallery_id + index.to_bytes(4, "little"))
        with self._failing():
            found = self._service.references(gallery_id, index)
        return BlockReferences.from_bytes(self._answer(found.to_bytes()))

    def check_sums(self, gallery_id: bytes) -> SealedCheckSums:
        self._call("check_sums", gallery_id)
        with self._failing():
            found = self._service.check_sums(gallery_id)
        return SealedCheckSums.from_bytes(self._answer(found.to_bytes()))

    def write(self, gallery_id: bytes, update: GalleryUpdate) -> None:
        message = self._call("write", update.to_bytes())
        with self._failing():
            self._service.write(gallery_id, GalleryUpdate.from_bytes(message))

    def purge(self) -> None:
        self._call("purge", b"")
        with self._failing():
            self._service.purge()

    def restore(
        self,
        description: GalleryDescription,
        manifest: Manifest,
        blocks: Iterable[BlockUpdate],
        check_sums: SealedCheckSums = NO_CHECK_SUMS,
    ) -> None:
        stated = GalleryContent(description, manifest, check_sums)
        message = self._call("restore", stated.to_bytes())
        with self._failing():
            content = GalleryContent.from_bytes(message)
            self._service.restore(
                content.description,
                content.manifest,
                self._restored(blocks),
                content.check_sums,
            )

    def _restored(self, blocks: Iterable[BlockUpdate]) -> Iterator[BlockUpdate]:
        try:
            for item in blocks:
                yield BlockUpdate.from_bytes(self._call("restored block", item.to_bytes()))
        except GalleryError as error:
            self._own = error
            raise

    def replace(
        self,
        old_gallery_id: bytes,
        old_version: int,
        description: GalleryDescription,
        version: int,
    ) -> None:
        stated = GalleryReplacement(old_version, description, version).to_bytes()
        self._call("replace", old_gallery_id + stated)
        with self._failing():
            found = GalleryReplacement.from_bytes(stated)
            self._service.replace(
                old_gallery_id, found.old_version, found.description, found.version
            )

    def update_description(self, former_mac: bytes, description: GalleryDescription) -> None:
        message = self._call(
            "update_description", DescriptionUpdate(former_mac, description).to_bytes()
        )
        with self._failing():
            found = DescriptionUpdate.from_bytes(message)
            self._service.update_description(found.former_mac, found.description)

    def delete(self, gallery_id: bytes) -> None:
        self._call("delete", gallery_id)
        with self._failing():
            self._service.delete(gallery_id)

    def search(
        self, request: SearchRequest, observer: SearchObserver | None = None
    ) -> SearchResult:
        message = self._call("search", request.to_bytes())
        with self._failing():
            result = self._service.search(SearchRequest.from_bytes(message))
        manifest = Manifest.from_bytes(self._answer(result.manifest.to_bytes()))
        check_sums = NO_CHECK_SUMS
        if result.check_sums:
            message = self._answer(result.check_sums.to_bytes())
            check_sums = SealedCheckSums.from_bytes(message)
        return SearchResult(manifest, self._blocks(result.blocks), check_sums)

    def _blocks(self, blocks: Iterator[BlockResult]) -> Iterator[BlockResult]:
        with self._failing():
            for block in blocks:
                yield BlockResult.from_bytes(self._answer(block.to_bytes()))

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Let an error of the other side cross as a message too."""
        try:
            yield
        except GalleryError as error:
            if error is self._own:
                raise
            message = self._answer(Failure.of(error).to_bytes())
            raise Failure.from_bytes(message).error() from error

    def _call(self, name: str, message: bytes) -> bytes:
        self.sent.append((name, message))
        return message

    def _answer(self, data: bytes) -> bytes:
        self.received.append(data)
        return data

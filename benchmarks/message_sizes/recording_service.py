"""A service that records the messages that pass between client and service."""

from __future__ import annotations

from dataclasses import replace

from gallery.ciphertexts.seeds import SEED_SIZE
from gallery.forwarding import ForwardingService
from gallery.messages import GalleryUpdate, SearchRequest, SearchResult
from gallery.protocol import GalleryService

_ANY_SEED = bytes(SEED_SIZE)
_NO_REFERENCES = "result of one block, references known"
_WITH_REFERENCES = "result of one block, with references"


class RecordingService(ForwardingService):
    """Keeps the bytes of the messages that it passes on, by their names."""

    def __init__(self, service: GalleryService) -> None:
        super().__init__(service)
        self.messages: dict[str, bytes] = {}

    def write(self, gallery_id: bytes, update: GalleryUpdate) -> None:
        """Keep an update in both forms: with both halves of all ciphertexts, and with a seed."""
        for form, seed in (("whole", None), ("seeded", _ANY_SEED)):
            blocks = tuple(
                replace(item, block=replace(item.block, seed=seed)) for item in update.blocks
            )
            self.messages[f"enrollment, {form}"] = replace(update, blocks=blocks).to_bytes()
        super().write(gallery_id, update)

    def search(self, request: SearchRequest) -> SearchResult:
        """Keep a request in both forms, and the results of the blocks."""
        for form, seed in (("whole", None), ("seeded", _ANY_SEED)):
            probes = tuple(replace(probe, seed=seed) for probe in request.probes)
            self.messages[f"probe, {form}"] = replace(request, probes=probes).to_bytes()
        found = super().search(request)
        blocks = list(found.blocks)
        for block in blocks:
            name = _NO_REFERENCES if block.references is None else _WITH_REFERENCES
            self.messages[name] = block.to_bytes()
        return SearchResult(found.manifest, iter(blocks))

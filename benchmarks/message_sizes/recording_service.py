"""A service that records the messages that pass between client and service."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gallery.ciphertexts.seeds import SEED_SIZE
from gallery.forwarding import ForwardingService
from gallery.messages import GalleryUpdate, SearchRequest, SearchResult
from gallery.parameters import CkksParameterSet, find_parameters
from gallery.protocol import GalleryService, SearchObserver

_ANY_SEED = bytes(SEED_SIZE)
_CHECK_SUMS = "check sums, sent once"
_NO_REFERENCES = "result of one block, references known"
_WITH_REFERENCES = "result of one block, with references"


class RecordingService(ForwardingService):
    """Keeps the bytes of the messages that it passes on, by their names."""

    def __init__(self, service: GalleryService) -> None:
        super().__init__(service)
        self.messages: dict[str, bytes] = {}

    def write(self, gallery_id: bytes, update: GalleryUpdate) -> None:
        """Keep an update in all forms of its ciphertexts."""
        header = update.blocks[0].block.header
        for form, seed in _forms(header.parameters):
            blocks = tuple(
                replace(item, block=replace(item.block, seed=seed)) for item in update.blocks
            )
            self.messages[f"enrollment, {form}"] = replace(update, blocks=blocks).to_bytes()
        super().write(gallery_id, update)

    def search(
        self, request: SearchRequest, observer: SearchObserver | None = None
    ) -> SearchResult:
        """Keep a request in all forms, the results of the blocks, and the check sums."""
        for form, seed in _forms(request.probes[0].parameters):
            probes = tuple(replace(probe, seed=seed) for probe in request.probes)
            self.messages[f"probe, {form}"] = replace(request, probes=probes).to_bytes()
        found = super().search(request, observer)
        blocks = list(found.blocks)
        for block in blocks:
            name = _NO_REFERENCES if block.references is None else _WITH_REFERENCES
            self.messages[name] = block.to_bytes()
        if found.check_sums:
            self.messages[_CHECK_SUMS] = found.check_sums.to_bytes()
        return SearchResult(found.manifest, iter(blocks), found.check_sums)


def _forms(parameters: str) -> Iterator[tuple[str, bytes | None]]:
    """Yield the forms of ciphertexts: whole, and where there are uniform halves, with a seed."""
    yield "whole", None
    if isinstance(find_parameters(parameters), CkksParameterSet):
        yield "seeded", _ANY_SEED

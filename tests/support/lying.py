"""A service that lies about searches, and what a key owner's program makes of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from gallery.arrays import Residues
from gallery.client import GalleryClient
from gallery.client.ckks.scheme import CkksScheme
from gallery.client.hinted.scheme import HintedScheme
from gallery.client.ring.crt import CrtComposer
from gallery.errors import GalleryError
from gallery.forwarding import ForwardingService
from gallery.messages import (
    BlockReferences,
    BlockResult,
    EncryptedBlock,
    GalleryDescription,
    Manifest,
    SealedCheckSums,
    SearchRequest,
    SearchResult,
)
from gallery.protocol import GalleryService, SearchObserver


@dataclass(frozen=True, eq=False)
class Answer:
    """The whole answer to a search."""

    manifest: Manifest
    blocks: tuple[BlockResult, ...]
    check_sums: SealedCheckSums

    def residues(self) -> list[list[Residues]]:
        """Return copies of the residues by block and probe."""
        return [[item.residues.copy() for item in block.distances] for block in self.blocks]

    def with_residues(self, residues: list[list[Residues]]) -> Answer:
        """Return the answer with other residues under the same statements."""
        blocks = [
            replace(
                block,
                distances=tuple(
                    replace(item, residues=np.ascontiguousarray(found, np.uint32))
                    for item, found in zip(block.distances, row, strict=True)
                ),
            )
            for block, row in zip(self.blocks, residues, strict=True)
        ]
        return replace(self, blocks=tuple(blocks))


Lie = Callable[[SearchRequest, Answer], Answer]
"""Takes a request and the honest answer to it, and returns what the service says instead."""


class LyingService(ForwardingService):
    """Answers searches with a lie, and keeps what it is asked, as a server sees it.

    Parameters
    ----------
    service
        An honest service.

    Attributes
    ----------
    lie
        What becomes of the answers; None for honest ones.
    lies_at
        Numbers of the searches that are lied about, from 0; None for all.
    asked
        Name and size in bytes of each request, in order.
    """

    def __init__(self, service: GalleryService) -> None:
        super().__init__(service)
        self.lie: Lie | None = None
        self.lies_at: Collection[int] | None = None
        self.asked: list[tuple[str, int]] = []
        self.searches = 0

    def begin(self, lie: Lie | None, at: Collection[int] | None = None) -> None:
        """Lie from now on, about some of the searches that follow or all of them."""
        self.lie, self.lies_at, self.asked, self.searches = lie, at, [], 0

    def search(
        self, request: SearchRequest, observer: SearchObserver | None = None, **limits: Any
    ) -> SearchResult:
        """Search, and lie; ``limits`` are those of a server for the service in its process."""
        number = self.searches
        self.searches += 1
        self.asked.append(("search", len(request.to_bytes())))
        found = self._service.search(request, **limits)
        answer = Answer(found.manifest, tuple(found.blocks), found.check_sums)
        if self.lie is not None and (self.lies_at is None or number in self.lies_at):
            answer = self.lie(request, answer)
        return SearchResult(answer.manifest, iter(answer.blocks), answer.check_sums)

    def __getattr__(self, name: str) -> Any:
        # What a server asks of the service in its own process beside the protocol.
        return getattr(self._service, name)

    def describe(self, name: str) -> GalleryDescription:
        self.asked.append(("describe", len(name)))
        return super().describe(name)

    def manifest(self, gallery_id: bytes) -> Manifest:
        self.asked.append(("manifest", 0))
        return super().manifest(gallery_id)

    def block(self, gallery_id: bytes, index: int) -> EncryptedBlock:
        self.asked.append(("block", index))
        return super().block(gallery_id, index)

    def references(self, gallery_id: bytes, index: int) -> BlockReferences:
        self.asked.append(("references", index))
        return super().references(gallery_id, index)

    def check_sums(self, gallery_id: bytes) -> SealedCheckSums:
        self.asked.append(("check sums", 0))
        return super().check_sums(gallery_id)


@dataclass(frozen=True)
class Outcome:
    """How a search ended, as whoever watches the program and its requests sees it."""

    error: str
    message: str
    exit_code: int
    asked: tuple[tuple[str, int], ...]
    opened: int
    """How often something was decrypted."""


class Decryptions:
    """Counts what is decrypted of results, at the scheme and where residues become numbers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        for owner, name in (
            (HintedScheme, "open_results"),
            (CkksScheme, "open_results"),
            (CrtComposer, "compose"),
        ):
            monkeypatch.setattr(owner, name, self._counted(getattr(owner, name)))

    def _counted(self, original: Callable[..., object]) -> Callable[..., object]:
        def counted(*arguments: object) -> object:
            self.count += 1
            return original(*arguments)

        return counted

    @contextmanager
    def none(self) -> Iterator[None]:
        """Fail if something is decrypted in the block."""
        before = self.count
        yield
        assert self.count == before, "something was decrypted"


def searched(
    client: GalleryClient, lying: LyingService, probes: np.ndarray, decryptions: Decryptions
) -> Outcome:
    """Search, and tell how that ended."""
    before, lying.asked = decryptions.count, []
    try:
        found = client.identify(probes, threshold=0.05)
    except GalleryError as error:
        ending = type(error).__name__, str(error), error.exit_code
    else:
        ending = "", f"{found.decisions.tolist()}", 0
    return Outcome(*ending, tuple(lying.asked), decryptions.count - before)

"""The copy of a gallery: filled block by block, verified, and put in the gallery's place."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import numpy as np

from gallery.arrays import Floats
from gallery.client.editing.block_editor import BlockEditor, PlaintextBlock
from gallery.client.editing.conflicts import ConflictRetry
from gallery.client.embeddings.templates import round_to_grid
from gallery.client.enrolling.enrollment import Enroller
from gallery.client.enrolling.inputs import NewReference
from gallery.client.gallery_state import GalleryState
from gallery.client.keys.secrets import Secret
from gallery.client.progress import Progress
from gallery.client.searching.stored_thresholds import reseal_stored
from gallery.client.session import GallerySession
from gallery.client.verification import Verifier
from gallery.distances import Metric
from gallery.errors import (
    AuthenticationError,
    ErasurePendingError,
    IntegrityError,
    WriteConflictError,
)
from gallery.hints import Hint
from gallery.messages.description import MAC_SIZE
from gallery.parameters import ParameterSet

_COPIES = 3
"""The number of times that a block is copied before its copy must be equal."""


@dataclass(frozen=True)
class Renewal:
    """The outcome of a renewal.

    Attributes
    ----------
    references, blocks
        How many the renewed gallery holds.
    parameters
        Name of its parameter set.
    finished_before
        Whether an earlier run had finished already, so that this one had nothing to do.
    """

    references: int
    blocks: int
    parameters: str
    finished_before: bool = False


class Renewer(Secret):
    """Fills the copy of a gallery, verifies it, and lets it take the gallery's place.

    Parameters
    ----------
    old, new
        The gallery, and its copy, which may hold blocks from an earlier run.
    """

    def __init__(self, old: GallerySession, new: GallerySession) -> None:
        self._old, self._new = old, new
        self._source, self._target = BlockEditor(old), BlockEditor(new)
        self._enroller, self._verifier = Enroller(new), Verifier(new)
        self._equal: set[tuple[bytes, bytes]] = set()
        """MACs of the headers of old blocks and of their verified copies."""
        self._reported = 0

    def run(self, progress: Progress | None = None) -> Renewal:
        """Renew the gallery; raises what `renew_gallery` raises."""
        # `_fill` reads the state of the gallery by itself, after that of the copy.
        return ConflictRetry(self._old).run(lambda _: self._attempt(progress))

    def _attempt(self, progress: Progress | None) -> Renewal:
        old, new = self._fill(progress)
        final = replace(
            self._new.description,
            name=self._old.description.name,
            calibration=reseal_stored(self._old, self._new),
        )
        signed = self._new.authenticator.sign(final)
        version = old.manifest.version
        if self._old.is_distrusted:
            # It is the same server; only its owner's word lifts that.
            self._new.distrust()
        # Any state of the old gallery that is seen from now on was put back.
        last = replace(old.manifest, version=version + 1, entries=(), mac=bytes(MAC_SIZE))
        try:
            self._old.service.replace(self._old.gallery_id, version, signed, new.manifest.version)
        except ErasurePendingError:
            self._old.remember(last)
            raise
        self._old.remember(last)
        return Renewal(len(new), len(new.blocks), self._new.parameters.name)

    def _fill(self, progress: Progress | None) -> tuple[GalleryState, GalleryState]:
        """Bring the copy to the present state of the gallery; return both states.

        Each block of the gallery is opened after the state of the copy was read that its copy is
        written on. So no other renewal that fills the same copy can put older content over newer.
        """
        new, old = self._new.state(), self._old.state()
        for index in range(len(old.blocks)):
            new = self._copy(old, new, index)
            if progress is not None and index >= self._reported:
                self._reported = index + 1
                progress(1)
        if len(new.blocks) > len(old.blocks):
            self._target.write(new, [], len(old.blocks))
            new = self._new.state()
        pairs = zip(old.manifest.entries, new.manifest.entries, strict=True)
        if not all((one.block_mac, other.block_mac) in self._equal for one, other in pairs):
            raise WriteConflictError("the copy changed while it was verified")
        return old, new

    def _copy(self, old: GalleryState, new: GalleryState, index: int) -> GalleryState:
        """Copy a block unless its copy is equal, and verify it; return the copy's new state."""
        before, copies = old.manifest.entries[index].block_mac, new.manifest.entries
        if index < len(copies) and (before, copies[index].block_mac) in self._equal:
            return new
        wanted = self._contents(self._old, _open(self._old, self._source, old, index))
        for _ in range(_COPIES):
            if index < len(new.blocks) and self._is_copied(wanted, new, index):
                self._verify(new, index)
                self._equal.add((before, new.manifest.entries[index].block_mac))
                return new
            self._write(wanted, new, index)
            new = self._new.state()
        raise AuthenticationError(
            f"the copy of block {index} does not decrypt to what was written; the gallery itself "
            "is as it was",
            hint=Hint.RENEW_AGAIN,
        )

    def _contents(self, session: GallerySession, block: PlaintextBlock) -> list[NewReference]:
        """Return the references of a block as they are to be under the copy's parameters."""
        items = list(block.references.values())
        templates = block.templates[[item.position for item in items]]
        metric, parameters = session.description.metric, session.parameters
        if parameters != self._new.parameters:
            templates = requantize(templates, metric, parameters, self._new.parameters)
        opened = [
            session.labels.open_content(item.sealed_label, item.reference_id) for item in items
        ]
        return [
            NewReference(
                template, content.label, content.content_digest, content.enrolled, content.details
            )
            for content, template in zip(opened, templates, strict=True)
        ]

    def _is_copied(self, wanted: list[NewReference], new: GalleryState, index: int) -> bool:
        """Tell whether a block of the copy holds exactly the wanted references."""
        found = self._contents(self._new, _open(self._new, self._target, new, index))
        return sorted(map(_identity, found)) == sorted(map(_identity, wanted))

    def _write(self, wanted: list[NewReference], new: GalleryState, index: int) -> None:
        """Write a block of the copy, in an order that tells nothing of the old one."""
        block, shuffled = self._target.new(index), list(wanted)
        random.SystemRandom().shuffle(shuffled)
        positions = self._target.free_positions(block)[: len(shuffled)]
        for position, item in zip(positions, shuffled, strict=True):
            tag = self._enroller.tag(item)
            block.put(self._enroller.reference(position, tag, item), item.vector)
        self._target.write(new, [block], max(len(new.blocks), index + 1))

    def _verify(self, new: GalleryState, index: int) -> None:
        _, findings = self._verifier.check(new.manifest.entries[index], deep=True)
        if findings:
            raise AuthenticationError(
                f"the copy is not sound ({findings[0].subject}: {findings[0].problem}); "
                "the gallery itself is as it was"
            )


def requantize(templates: Floats, metric: Metric, old: ParameterSet, new: ParameterSet) -> Floats:
    """Return templates, shape (n, d), on the grid of another parameter set.

    Rounding to a coarse grid leaves norms that are a little off. Where the new grid is finer they
    are put right first, so that what was compact meets what is expected of standard.
    """
    if new.template_grid < old.template_grid:
        norms = np.linalg.norm(templates, axis=1, keepdims=True)
        templates = templates / (norms if metric.normalizes else np.maximum(norms, 1.0))
    return round_to_grid(templates, new)


def _open(
    session: GallerySession, editor: BlockEditor, state: GalleryState, index: int
) -> PlaintextBlock:
    """Open a block; `WriteConflictError` if it cannot be, since another process came first."""
    try:
        return editor.open(state, index)
    except IntegrityError as error:
        if session.manifest() == state.manifest:
            raise
        raise WriteConflictError("the gallery changed while it was read") from error


def _identity(item: NewReference) -> tuple[str, bytes, int, bytes, bytes]:
    # Zero has two signs, and decrypting gives either.
    vector = (item.vector + 0.0).tobytes()
    return item.label, item.content_digest, item.enrolled or 0, item.details.pack(), vector

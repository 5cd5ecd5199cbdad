"""Adding references, one block at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gallery.blocks import capacity
from gallery.client.editing import BlockEditor, with_retries
from gallery.client.templates import round_to_grid
from gallery.client.view import GalleryState, GalleryView
from gallery.messages import ID_SIZE, StoredReference

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NewReference:
    """What is to be enrolled.

    Attributes
    ----------
    vector
        Vector of norm at most 1, shape (d,).
    label
        Whom it shows, normalised.
    content_digest
        Digest of the photo or embedding that it was made of.
    """

    vector: Floats
    label: str
    content_digest: bytes


@dataclass(frozen=True, eq=False)
class Enrollment:
    """What an enrollment of n embeddings did.

    Attributes
    ----------
    reference_ids
        Strings of 32 hexadecimal digits, shape (n,): the reference of each embedding, also where it
        was enrolled before.
    added
        bool, shape (n,): False where the same embedding was enrolled under the same label already.
    """

    reference_ids: npt.NDArray[np.str_]
    added: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Committed:
    """What one write did: reference identifiers by content tag."""

    added: dict[bytes, bytes]
    present: dict[bytes, bytes]


class Enroller:
    """Writes references into a gallery."""

    def __init__(self, view: GalleryView) -> None:
        self._view = view
        self._editor = BlockEditor(view)

    def enrolled(self) -> dict[bytes, bytes]:
        """Return the reference identifiers of all that is enrolled, by content tag."""
        return _by_tag(self._view.state())

    def tag(self, item: NewReference) -> bytes:
        """Return the content tag by which a second enrollment of the same is noticed."""
        return self._view.labels.content_tag(item.content_digest, item.label)

    def reference(self, position: int, tag: bytes, item: NewReference) -> StoredReference:
        """Return what the database is to hold of an item with that tag, under a new identifier."""
        labels, reference_id = self._view.labels, os.urandom(ID_SIZE)
        return StoredReference(
            position=position,
            reference_id=reference_id,
            pseudonym=labels.pseudonym(item.label),
            content_tag=tag,
            sealed_label=labels.seal(item.label, item.content_digest, reference_id),
        )

    def enroll(
        self, wanted: Sequence[NewReference], progress: Callable[[int], None] | None = None
    ) -> Enrollment:
        """Enroll all of the given references, block by block.

        What is enrolled already, or stands twice among them, is enrolled once. Each block is
        committed before the next is made, so that an interruption loses one block at most.
        """
        known, added = self.enrolled(), set[bytes]()
        tags = [self.tag(item) for item in wanted]
        pending = {tag: item for tag, item in zip(tags, wanted, strict=True) if tag not in known}
        if progress is not None:
            progress(len(wanted) - len(pending))
        while pending:
            chosen = list(pending)[: capacity(self._view.parameters)]
            done = self.commit({tag: pending[tag] for tag in chosen})
            for tag in (*done.added, *done.present):
                del pending[tag]
            known |= done.added | done.present
            added |= done.added.keys()
            if progress is not None:
                progress(len(done.added) + len(done.present))
        return _report(tags, known, added)

    def commit(self, wanted: Mapping[bytes, NewReference]) -> Committed:
        """Write as many references, given by content tag, as fit into one block.

        What is enrolled already is left out, also when another process enrolled it meanwhile. If
        another process changes the gallery first, the block is made again on what it wrote.

        Raises
        ------
        WriteConflictError
            If other processes come first again and again.
        IntegrityError
            If the gallery is not as its owner wrote it; nothing is written.
        """
        return with_retries(lambda: self._commit(wanted))

    def _commit(self, wanted: Mapping[bytes, NewReference]) -> Committed:
        state = self._view.state()
        known = _by_tag(state)
        present = {tag: known[tag] for tag in wanted if tag in known}
        missing = [(tag, item) for tag, item in wanted.items() if tag not in known]
        if not missing:
            return Committed({}, present)
        block = self._editor.open(state, self._first_with_room(state))
        added = {}
        for position, (tag, item) in zip(self._editor.free_positions(block), missing, strict=False):
            reference = self.reference(position, tag, item)
            block.put(reference, round_to_grid(item.vector, self._view.parameters))
            added[tag] = reference.reference_id
        self._editor.write(state, [block], max(len(state.blocks), block.index + 1))
        return Committed(added, present)

    def _first_with_room(self, state: GalleryState) -> int:
        """Return the first block that has room, which may be a new one."""
        for index in range(len(state.blocks)):
            if self._editor.room_of(state, index):
                return index
        return len(state.blocks)


def _report(tags: Sequence[bytes], known: dict[bytes, bytes], added: set[bytes]) -> Enrollment:
    """Say for each input what became of it; of equal inputs the first counts as added."""
    fresh = set(added)
    flags = []
    for tag in tags:
        flags.append(tag in fresh)
        fresh.discard(tag)
    identifiers = [known[tag].hex() for tag in tags]
    return Enrollment(np.array(identifiers, dtype=np.str_), np.array(flags, dtype=bool))


def _by_tag(state: GalleryState) -> dict[bytes, bytes]:
    return {item.content_tag: item.reference_id for block in state.blocks for item in block.table}

"""Adding references: a block is opened, filled up, encrypted anew and written whole."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gallery.blocks import (
    canary_positions,
    capacity,
    empty_columns,
    place,
    position_count,
    reference_positions,
)
from gallery.client.templates import round_to_grid
from gallery.client.view import GalleryState, GalleryView
from gallery.errors import AuthenticationError, WriteConflictError
from gallery.messages import (
    ID_SIZE,
    BlockHeader,
    BlockUpdate,
    EncryptedBlock,
    GalleryUpdate,
    Manifest,
    ManifestEntry,
    ReferenceTable,
    StoredReference,
    columns_digest,
    pack_occupancy,
)

Floats = npt.NDArray[np.float64]

_ATTEMPTS = 20


@dataclass(frozen=True, eq=False)
class NewReference:
    """What is to be enrolled: a vector of norm at most 1, shape (d,), its label and content tag."""

    vector: Floats
    label: str
    content_tag: bytes


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
    """What one write did, by content tag."""

    added: dict[bytes, bytes]
    present: dict[bytes, bytes]


class Enroller:
    """Writes references into a gallery, one block at a time."""

    def __init__(self, view: GalleryView) -> None:
        self._view = view

    def enrolled(self) -> dict[bytes, bytes]:
        """Return the reference identifiers of all that is enrolled, by content tag."""
        return _by_tag(self._view.state())

    def enroll(
        self, wanted: Sequence[NewReference], progress: Callable[[int], None] | None = None
    ) -> Enrollment:
        """Enroll all of the given references, block by block.

        What is enrolled already, or stands twice among them, is enrolled once. Each block is
        committed before the next is made, so that an interruption loses one block at most.
        """
        known = self.enrolled()
        added: set[bytes] = set()
        pending = {item.content_tag: item for item in wanted if item.content_tag not in known}
        if progress is not None:
            progress(len(wanted) - len(pending))
        while pending:
            done = self.commit(list(pending.values())[: capacity(self._view.parameters)])
            for tag in (*done.added, *done.present):
                del pending[tag]
            known |= done.added | done.present
            added |= done.added.keys()
            if progress is not None:
                progress(len(done.added) + len(done.present))
        return _report(wanted, known, added)

    def commit(self, wanted: Sequence[NewReference]) -> Committed:
        """Write as many of the given references as fit into one block.

        What is enrolled already is left out, also when another process enrolled it meanwhile. If
        another process changes the gallery first, the block is made again on what it wrote.

        Raises
        ------
        WriteConflictError
            If other processes come first again and again.
        IntegrityError
            If the gallery is not as its owner wrote it; nothing is written.
        """
        for attempt in range(_ATTEMPTS):
            state = self._view.state()
            known = _by_tag(state)
            present = {
                item.content_tag: known[item.content_tag]
                for item in wanted
                if item.content_tag in known
            }
            missing = [item for item in wanted if item.content_tag not in known]
            if not missing:
                return Committed({}, present)
            try:
                return Committed(self._write(state, missing), present)
            except WriteConflictError:
                _wait(attempt)
        raise WriteConflictError(
            "other processes keep changing the gallery; run the command again, "
            "what is enrolled already is skipped"
        )

    def _write(self, state: GalleryState, wanted: Sequence[NewReference]) -> dict[bytes, bytes]:
        index, free = self._find_room(state)
        chosen = wanted[: len(free)]
        positions = free[: len(chosen)]
        columns = self._open(state, index)
        vectors = round_to_grid(np.stack([item.vector for item in chosen]), self._view.parameters)
        place(columns, positions, vectors)
        references = [
            self._reference(int(position), item)
            for position, item in zip(positions, chosen, strict=True)
        ]
        kept = state.blocks[index].table if index < len(state.blocks) else ()
        self._put(state.manifest, index, columns, [*kept, *references])
        return {item.content_tag: item.reference_id for item in references}

    def _find_room(self, state: GalleryState) -> tuple[int, npt.NDArray[np.intp]]:
        """Return the first block that has room, which may be a new one, and its free positions."""
        usable = reference_positions(self._view.parameters)
        for index, block in enumerate(state.blocks):
            free = usable[~block.header.occupied()[usable]]
            if len(free):
                return index, free
        return len(state.blocks), usable

    def _open(self, state: GalleryState, index: int) -> Floats:
        """Return the columns of a block without its canaries; empty ones for a new block."""
        view = self._view
        dimension = view.description.dimension
        columns = empty_columns(dimension, view.parameters)
        if index == len(state.blocks):
            return columns
        header = state.blocks[index].header
        block = view.service.block(view.gallery_id, index)
        if block.header != header:
            raise WriteConflictError("the block changed while it was read")
        block.check()
        decrypted = view.codec.decrypt_columns(block.columns)[:dimension]
        templates = round_to_grid(decrypted.T, view.parameters)
        canaries = view.canaries.templates(index, header.version, dimension)
        if not np.array_equal(templates[canary_positions(view.parameters)], canaries):
            raise AuthenticationError(
                f"block {index} does not decrypt to what was encrypted; nothing was written. "
                "Check the key file, and run gallery verify"
            )
        occupied = header.occupied()
        place(columns, np.flatnonzero(occupied), templates[occupied])
        return columns

    def _reference(self, position: int, item: NewReference) -> StoredReference:
        labels, reference_id = self._view.labels, os.urandom(ID_SIZE)
        return StoredReference(
            position=position,
            reference_id=reference_id,
            pseudonym=labels.pseudonym(item.label),
            content_tag=item.content_tag,
            sealed_label=labels.seal(item.label, reference_id),
        )

    def _put(
        self,
        manifest: Manifest,
        index: int,
        columns: Floats,
        references: Iterable[StoredReference],
    ) -> None:
        """Encrypt a block's columns, sign the block and the manifest, and write them."""
        view = self._view
        version = manifest.version + 1
        table = ReferenceTable.of(view.gallery_id, index, version, references)
        canaries = view.canaries.templates(index, version, view.description.dimension)
        place(columns, canary_positions(view.parameters), canaries)
        residues = view.codec.encrypt_columns(columns)
        occupied = np.zeros(position_count(view.parameters), dtype=bool)
        occupied[[item.position for item in table]] = True
        header = view.authenticator.sign(
            BlockHeader(
                gallery_id=view.gallery_id,
                index=index,
                version=version,
                parameters=view.parameters.name,
                dimension=view.description.dimension,
                occupancy=pack_occupancy(occupied),
                columns_digest=columns_digest(residues),
                references_digest=table.digest(),
            )
        )
        entry = ManifestEntry(index, version, header.mac)
        entries = (*manifest.entries[:index], entry, *manifest.entries[index + 1 :])
        signed = view.authenticator.sign(Manifest(view.gallery_id, version, entries))
        change = BlockUpdate(EncryptedBlock(header, residues), table)
        view.service.write(view.gallery_id, GalleryUpdate(manifest.version, signed, (change,)))


def _report(
    wanted: Sequence[NewReference], known: dict[bytes, bytes], added: set[bytes]
) -> Enrollment:
    """Say for each input what became of it; of equal inputs the first counts as added."""
    fresh = set(added)
    flags = []
    for item in wanted:
        flags.append(item.content_tag in fresh)
        fresh.discard(item.content_tag)
    identifiers = [known[item.content_tag].hex() for item in wanted]
    return Enrollment(np.array(identifiers, dtype=np.str_), np.array(flags, dtype=bool))


def _by_tag(state: GalleryState) -> dict[bytes, bytes]:
    return {item.content_tag: item.reference_id for block in state.blocks for item in block.table}


def _wait(attempt: int) -> None:
    """Sleep for a random while, longer after each attempt, so that writers get out of step."""
    time.sleep(random.SystemRandom().uniform(0.0, min(2.0, 0.05 * 2**attempt)))

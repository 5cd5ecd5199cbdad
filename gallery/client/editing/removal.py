"""The removal of references, and the compaction of blocks that it leaves half empty."""

from __future__ import annotations

import math
from collections.abc import Collection

from gallery.ciphertexts.blocks import capacity
from gallery.client.editing.block_editor import BlockEditor, PlaintextBlock
from gallery.client.editing.conflicts import ConflictRetry
from gallery.client.gallery_state import GalleryState, ReferenceLookup
from gallery.client.progress import Progress
from gallery.client.session import GallerySession
from gallery.errors import ErasurePendingError
from gallery.messages import BlockReferences, StoredReference

BLOCKS_PER_UPDATE = 8
"""Blocks that are erased from in one write; more take several, so that memory stays bounded."""


class Remover:
    """Erases references from one gallery."""

    def __init__(self, session: GallerySession) -> None:
        self._session = session
        self._editor, self._conflicts = BlockEditor(session), ConflictRetry(session)

    def remove(
        self,
        reference_ids: Collection[bytes],
        progress: Progress | None = None,
        state: GalleryState | None = None,
    ) -> int:
        """Erase references; return how many there were.

        Templates, labels, pseudonyms and the former versions of their blocks are gone from the
        database's files when this returns.

        Parameters
        ----------
        reference_ids
            The references, 16 bytes each.
        progress
            Called with the number of references that were just erased.
        state
            A state of the gallery that was just read, if there is one.

        Raises
        ------
        ErasurePendingError
            If they are erased from the tables, but traces could not be removed from the files yet,
            or not from the owner's cache.
        WriteConflictError
            If other processes keep changing the gallery.
        """
        wanted, removed, more = _WantedReferences(reference_ids), 0, bool(reference_ids)
        stayed = 0
        try:
            while more:
                done, more = self._conflicts.run(
                    lambda current: self._remove(current, wanted), state
                )
                state, removed = None, removed + done
                if progress is not None and done:
                    progress(done)
        finally:
            # Also of those whose removal failed: they are embedded again.
            stayed = self._forget(wanted.found())
        if stayed and self._session.embeddings is not None:
            raise ErasurePendingError(
                f"the references are erased from the gallery, but {stayed} sealed embeddings of "
                f"their photos cannot be removed from {self._session.embeddings.path}: remove them "
                "there"
            )
        return removed

    def _forget(self, references: list[StoredReference]) -> int:
        """Drop the embeddings of the photos that references were made of from the cache.

        Return how many could not be dropped.
        """
        cache, labels = self._session.embeddings, self._session.labels
        if cache is None or not references:
            return 0
        sealed = [labels.open_content(it.sealed_label, it.reference_id) for it in references]
        return cache.forget({content.content_digest for content in sealed})

    def _remove(self, state: GalleryState, wanted: _WantedReferences) -> tuple[int, bool]:
        """Erase what a few blocks hold of the wanted references, in one write.

        Return how many were erased, and whether other blocks hold more of them.
        """
        holding = [index for index, block in enumerate(state.blocks) if wanted.among(block)]
        blocks, done = [], 0
        for index in holding[:BLOCKS_PER_UPDATE]:
            block = self._editor.open(state, index)
            for item in wanted.among(state.blocks[index]):
                block.take(item.position)
                done += 1
            blocks.append(block)
        if blocks:
            self._write(state, blocks)
        return done, len(holding) > len(blocks)

    def _write(self, state: GalleryState, blocks: list[PlaintextBlock]) -> None:
        """Write blocks, and drop those at the end that hold nothing any more."""
        sizes = {index: len(block.table) for index, block in enumerate(state.blocks)}
        sizes |= {block.index: len(block.references) for block in blocks}
        count = len(sizes)
        while count and not sizes[count - 1]:
            count -= 1
        kept = [block for block in blocks if block.index < count]
        self._editor.write(state, kept, count, purge=True)


class _WantedReferences:
    """The references to erase, looked up once in each version of a block."""

    def __init__(self, reference_ids: Collection[bytes]) -> None:
        self._lookup = ReferenceLookup("reference_id", reference_ids)
        self._found: dict[bytes, list[StoredReference]] = {}
        """The wanted references that each block holds, by the MAC of its header."""

    def found(self) -> list[StoredReference]:
        """Return all that were found, those of former versions of blocks too."""
        return [item for found in self._found.values() for item in found]

    def among(self, block: BlockReferences) -> list[StoredReference]:
        """Return those that a block holds."""
        if block.header.mac not in self._found:
            self._found[block.header.mac] = self._lookup.matches(block.table)
        return self._found[block.header.mac]


class Compactor:
    """Moves references out of the last blocks into the holes of the first."""

    def __init__(self, session: GallerySession) -> None:
        self._session = session
        self._editor, self._conflicts = BlockEditor(session), ConflictRetry(session)

    def excess(self) -> int:
        """Return the number of blocks beyond those that the references need."""
        return self._excess(self._session.state())

    def run(self, progress: Progress | None = None) -> int:
        """Compact the gallery; return how many blocks were dropped.

        Every step is one write that leaves a whole gallery, so an interrupted run is finished by
        another. Raises what `Remover.remove` raises.
        """
        dropped = 0
        while (done := self._conflicts.run(self._step)) is not None:
            dropped += done
            if progress is not None:
                progress(done)
        self._session.service.purge()
        return dropped

    def _step(self, state: GalleryState) -> int | None:
        """Fill one block from the last; return the blocks dropped, or None if nothing is to do."""
        if not self._excess(state):
            return None
        last = len(state.blocks) - 1
        target = next(i for i in range(last + 1) if i == last or self._editor.free_count(state, i))
        source = self._editor.open(state, last)
        blocks = [source]
        if target != last:
            filled = self._editor.open(state, target)
            _move(source, filled, self._editor.free_positions(filled))
            blocks.append(filled)
        count = last + 1 if source.references else last
        kept = [block for block in blocks if block.index < count]
        self._editor.write(state, kept, count, purge=True)
        return last + 1 - count

    def _excess(self, state: GalleryState) -> int:
        return len(state.blocks) - math.ceil(len(state) / capacity(self._session.parameters))


def _move(source: PlaintextBlock, target: PlaintextBlock, free: list[int]) -> None:
    for position, moved in zip(free, sorted(source.references, reverse=True), strict=False):
        reference, template = source.take(moved)
        target.put(reference.at(position), template)

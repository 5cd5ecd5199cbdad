"""Erasing references, and closing the holes that they leave."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable

from gallery.ciphertexts.blocks import capacity
from gallery.client.editing.block_editor import BlockEditor, OpenBlock
from gallery.client.editing.conflicts import ConflictRetry
from gallery.client.session import GallerySession, GalleryState
from gallery.messages import StoredReference

BLOCKS_PER_UPDATE = 8
"""Blocks that are erased from in one write; more take several, so that memory stays bounded."""


class Remover:
    """Erases references from one gallery."""

    def __init__(self, session: GallerySession) -> None:
        self._session = session
        self._editor, self._conflicts = BlockEditor(session), ConflictRetry(session)

    def remove(
        self, reference_ids: Collection[bytes], progress: Callable[[int], None] | None = None
    ) -> int:
        """Erase references; return how many there were.

        Templates, labels, pseudonyms and the former versions of their blocks are gone from the
        database's files when this returns.

        Raises
        ------
        ErasurePendingError
            If they are erased from the tables, but traces could not be removed from the files yet.
        WriteConflictError
            If other processes keep changing the gallery.
        """
        wanted, removed = frozenset(reference_ids), 0
        while done := self._conflicts.take(lambda: self._remove(wanted)):
            removed += len(done)
            if progress is not None:
                progress(len(done))
        return removed

    def _remove(self, wanted: Collection[bytes]) -> set[bytes]:
        """Erase what a few blocks hold of the wanted references, in one write."""
        state = self._session.state()
        holding = [
            index
            for index, block in enumerate(state.blocks)
            if any(item.reference_id in wanted for item in block.table)
        ]
        done: set[bytes] = set()
        blocks = []
        for index in holding[:BLOCKS_PER_UPDATE]:
            block = self._editor.open(state, index)
            for item in _chosen(block.references.values(), wanted):
                block.take(item.position)
                done.add(item.reference_id)
            blocks.append(block)
        if blocks:
            self._write(state, blocks)
        return done

    def _write(self, state: GalleryState, blocks: list[OpenBlock]) -> None:
        """Write blocks, and drop those at the end that hold nothing any more."""
        sizes = {index: len(block.table) for index, block in enumerate(state.blocks)}
        sizes |= {block.index: len(block.references) for block in blocks}
        count = len(sizes)
        while count and not sizes[count - 1]:
            count -= 1
        kept = [block for block in blocks if block.index < count]
        self._editor.write(state, kept, count, purge=True)


class Compactor:
    """Moves references out of the last blocks into the holes of the first."""

    def __init__(self, session: GallerySession) -> None:
        self._session = session
        self._editor, self._conflicts = BlockEditor(session), ConflictRetry(session)

    def excess(self) -> int:
        """Return how many blocks there are more than the references need."""
        return self._excess(self._session.state())

    def run(self, progress: Callable[[int], None] | None = None) -> int:
        """Compact the gallery; return how many blocks were dropped.

        Every step is one write that leaves a whole gallery, so an interrupted run is finished by
        another. Raises what `Remover.remove` raises.
        """
        dropped = 0
        while (done := self._conflicts.take(self._step)) is not None:
            dropped += done
            if progress is not None:
                progress(done)
        self._session.service.purge()
        return dropped

    def _step(self) -> int | None:
        """Fill one block from the last; return the blocks dropped, or None if nothing is to do."""
        state = self._session.state()
        if not self._excess(state):
            return None
        last = len(state.blocks) - 1
        target = next(i for i in range(last + 1) if i == last or self._editor.room_of(state, i))
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


def _chosen(items: Iterable[StoredReference], wanted: Collection[bytes]) -> list[StoredReference]:
    return [item for item in items if item.reference_id in wanted]


def _move(source: OpenBlock, target: OpenBlock, free: list[int]) -> None:
    for position, moved in zip(free, sorted(source.references, reverse=True), strict=False):
        reference, template = source.take(moved)
        target.put(reference.at(position), template)

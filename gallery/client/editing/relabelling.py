"""The relabelling of references: people are renamed and merged, and references assigned to others.

Labels, pseudonyms and content tags are made anew, and with them the statements about their blocks.
Ciphertexts and templates stay as they are and do not travel: nothing is decrypted but labels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from gallery.client.editing.block_editor import newest_check
from gallery.client.editing.conflicts import ConflictRetry
from gallery.client.editing.selection import Reference, Selection
from gallery.client.gallery_state import GalleryState
from gallery.client.integrity.labels import normalize_label
from gallery.client.session import GallerySession
from gallery.errors import InvalidLabelError, LabelExistsError
from gallery.hints import Hint
from gallery.messages import (
    NO_CHECK_SUMS,
    BlockRelabelling,
    GalleryUpdate,
    ManifestEntry,
    ReferenceTable,
    StoredReference,
    relabelled_header,
)


class Relabeller:
    """Gives references of one gallery other labels, each call in one write.

    Every method returns the references that have another label now, and raises

    ReferenceNotFoundError, InvalidLabelError
        If there is nothing of a name, or a label is none; nothing is changed then.
    ErasurePendingError
        If it is done, but traces of the former labels could not be removed from the files yet.
    WriteConflictError
        If other processes keep changing the gallery.
    """

    def __init__(self, session: GallerySession) -> None:
        self._session, self._conflicts = session, ConflictRetry(session)

    def rename(self, old: str, new: str) -> tuple[Reference, ...]:
        """Give all references of a label another one, which none has (`LabelExistsError`)."""
        former, label = _two(old, new)

        def choose(state: GalleryState) -> Sequence[Reference]:
            chosen = self._of(state, former)
            if Selection(self._session, state).labelled([label]):
                raise LabelExistsError(
                    f"gallery {self._session.description.name!r} holds references of {label!r} "
                    "already",
                    hint=Hint.MERGE,
                )
            return chosen

        return self._relabel(choose, label)

    def merge(self, absorbed: str, kept: str) -> tuple[Reference, ...]:
        """Give all references of one label another one, which some have."""
        former, label = _two(absorbed, kept)

        def choose(state: GalleryState) -> Sequence[Reference]:
            self._of(state, label)
            return self._of(state, former)

        return self._relabel(choose, label)

    def assign(self, reference_ids: Sequence[str], label: str) -> tuple[Reference, ...]:
        """Give references a label; those that have it already are left as they are."""
        wanted = normalize_label(label)

        def choose(state: GalleryState) -> Sequence[Reference]:
            named = Selection(self._session, state).named((), (), reference_ids)
            return [item for item in named if item.label != wanted]

        return self._relabel(choose, wanted)

    def _of(self, state: GalleryState, label: str) -> Sequence[Reference]:
        """Return the references of a label (`ReferenceNotFoundError` if there are none)."""
        return Selection(self._session, state).named((), (label,), ())

    def _relabel(
        self, choose: Callable[[GalleryState], Sequence[Reference]], label: str
    ) -> tuple[Reference, ...]:
        """Choose references in the newest state, and write their label; again if it moved on."""

        def attempt(state: GalleryState) -> Sequence[Reference]:
            chosen = choose(state)
            if chosen:
                self._write(state, chosen, label)
            return chosen

        return tuple(replace(item, label=label) for item in self._conflicts.run(attempt))

    def _write(self, state: GalleryState, chosen: Iterable[Reference], label: str) -> None:
        session, former = self._session, state.manifest
        changed = defaultdict[int, list[StoredReference]](list)
        for item in chosen:
            reference = state.blocks[item.block_index].table.at(item.position)
            changed[item.block_index].append(self._relabelled(reference, label))
        version, entries, relabellings = former.version + 1, list(former.entries), []
        for index, references in sorted(changed.items()):
            relabelling = self._relabelling(state, index, version, references)
            entries[index] = ManifestEntry(index, version, relabelling.header.mac)
            relabellings.append(relabelling)
        signed = session.authenticator.successor(former, entries)
        sealed, keeper = NO_CHECK_SUMS, session.check_sums
        check = newest_check(session, former) if keeper.are_kept else None
        if check is not None:
            # The blocks are the same, and so are their sums; the manifest is not.
            sealed = keeper.seal(signed, check)
        update = GalleryUpdate(former.version, signed, (), True, sealed, tuple(relabellings))
        session.service.write(session.gallery_id, update)
        session.remember(signed)
        if check is not None:
            keeper.accept(signed, sealed, check)

    def _relabelling(
        self, state: GalleryState, index: int, version: int, references: list[StoredReference]
    ) -> BlockRelabelling:
        """Return the relabelling of a block, signed."""
        former = state.blocks[index]
        changed = ReferenceTable.of(self._session.gallery_id, index, version, references)
        unsigned = BlockRelabelling(replace(former.header, version=version), changed)
        header = relabelled_header(former.header, unsigned.applied(former.table))
        return BlockRelabelling(self._session.authenticator.sign(header), changed)

    def _relabelled(self, former: StoredReference, label: str) -> StoredReference:
        labels, reference_id = self._session.labels, former.reference_id
        content = labels.open_content(former.sealed_label, reference_id)
        digest = content.content_digest
        return replace(
            former,
            pseudonym=labels.pseudonym(label),
            content_tag=labels.content_tag(digest, label),
            sealed_label=labels.seal(label, digest, reference_id, content.enrolled),
        )


def _two(former: str, label: str) -> tuple[str, str]:
    """Return two labels, normalised, which must differ."""
    normal = normalize_label(former), normalize_label(label)
    if normal[0] == normal[1]:
        raise InvalidLabelError("the former and the new label are the same")
    return normal

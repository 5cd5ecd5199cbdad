"""The relabelling of references: people are renamed, merged and annotated, references reassigned.

Labels, pseudonyms and content tags are made anew, and with them the statements about their blocks.
Ciphertexts and templates stay as they are and do not travel: nothing is decrypted but labels.

All references of a person have the same details, in every state of a gallery: a write that gives a
person another reference, or other details, writes all of them at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gallery.client.editing.block_editor import newest_check
from gallery.client.editing.conflicts import ConflictRetry
from gallery.client.editing.selection import Reference, Selection
from gallery.client.gallery_state import GalleryState
from gallery.client.integrity.labels import normalize_label
from gallery.client.integrity.person_details import NO_DETAILS, DetailsChange, PersonDetails
from gallery.client.session import GallerySession
from gallery.errors import InvalidAttributeError, InvalidLabelError, LabelExistsError
from gallery.hints import Hint
from gallery.messages import (
    NO_CHECK_SUMS,
    BlockReferences,
    BlockRelabelling,
    GalleryUpdate,
    ManifestEntry,
    ReferenceTable,
    StoredReference,
    relabelled_header,
)


@dataclass(frozen=True)
class AnnotatedPerson:
    """A person of whom something else is known now.

    Attributes
    ----------
    label
        Who it is.
    former, details
        What was known, and what is.
    """

    label: str
    former: PersonDetails
    details: PersonDetails

    def changed_attributes(self) -> Iterator[tuple[str, str | None, str | None]]:
        """Yield name, former and new value of each attribute that changed; None for no value."""
        former, new = self.former.attributes, self.details.attributes
        for name in sorted(former.keys() | new.keys()):
            if former.get(name) != new.get(name):
                yield name, former.get(name), new.get(name)


@dataclass(frozen=True)
class AnnotationReport:
    """The outcome of an annotation.

    Attributes
    ----------
    changed
        The people of whom something else is known now, by label.
    absent
        Labels, sorted, of those who are not enrolled.
    """

    changed: tuple[AnnotatedPerson, ...]
    absent: tuple[str, ...]


class Relabeller:
    """Gives references of one gallery other labels, each call in one write.

    Every method returns the references that have another label now, and raises

    ReferenceNotFoundError, InvalidLabelError
        If no reference has a name, or a label is not valid; nothing is changed then.
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

    def annotate(
        self, changes: Mapping[str, DetailsChange], *, required: bool, write: bool = True
    ) -> AnnotationReport:
        """Change the details of people.

        Parameters
        ----------
        changes
            What changes, by normalised label.
        required
            Whether all of them must be there; else those who are not are left out.
        write
            Whether it is done; else it is only told what would be.
        """

        def attempt(state: GalleryState) -> AnnotationReport:
            known = self._details(state, changes)
            absent = sorted(changes.keys() - known.keys())
            if required and absent:
                self._of(state, absent[0])  # says that there is nobody
            newer = {label: _changed(label, known[label], changes[label]) for label in known}
            changed = {label: item for label, item in newer.items() if item != known[label]}
            if changed and write:
                chosen = Selection(self._session, state).labelled(changed)
                self._write(
                    state, [_Relabelled(item, item.label, changed[item.label]) for item in chosen]
                )
            annotated = (
                AnnotatedPerson(label, known[label], changed[label]) for label in sorted(changed)
            )
            return AnnotationReport(tuple(annotated), tuple(absent))

        return self._conflicts.run(attempt)

    def _of(self, state: GalleryState, label: str) -> Sequence[Reference]:
        """Return the references of a label (`ReferenceNotFoundError` if there are none)."""
        return Selection(self._session, state).named((), (label,), ())

    def _details(self, state: GalleryState, labels: Iterable[str]) -> dict[str, PersonDetails]:
        """Return the details of those people who are enrolled, by label."""
        return known_details(self._session, state, labels)

    def _relabel(
        self, choose: Callable[[GalleryState], Sequence[Reference]], label: str
    ) -> tuple[Reference, ...]:
        """Choose references in the newest state, and write their label; again if it moved on."""

        def attempt(state: GalleryState) -> Sequence[Reference]:
            chosen = choose(state)
            if chosen:
                self._write(state, self._moved(state, chosen, label))
            return chosen

        return tuple(replace(item, label=label) for item in self._conflicts.run(attempt))

    def _moved(
        self, state: GalleryState, chosen: Sequence[Reference], label: str
    ) -> list[_Relabelled]:
        """Return the references that get a label, each with the details that go with it.

        Of people who have no reference any more then, the details go along. Where somebody has the
        label already, what is known of that person has precedence, and the expiry stays.
        """
        former = {item.label for item in chosen}
        known = self._details(state, {label, *former})
        leaving = set(chosen)
        staying = [
            item
            for item in Selection(self._session, state).labelled({label, *former})
            if item not in leaving
        ]
        gone = former - {item.label for item in staying}
        own = [item for item in staying if item.label == label]
        details = _joined([known[name] for name in sorted(gone)])
        if own:
            details = PersonDetails(details.attributes).updated(known[label])
        also = own if own and details != known[label] else ()
        return [_Relabelled(item, label, details) for item in (*chosen, *also)]

    def _write(self, state: GalleryState, changes: Iterable[_Relabelled]) -> None:
        session, former = self._session, state.manifest
        changed = defaultdict[int, list[StoredReference]](list)
        for item in changes:
            found = item.reference
            reference = state.blocks[found.block_index].table.at(found.position)
            changed[found.block_index].append(self._sealed(reference, item))
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
        tables = [state.blocks[item.header.index].table for item in relabellings]
        written = [
            BlockReferences(item.header, item.applied(table))
            for item, table in zip(relabellings, tables, strict=True)
        ]
        session.write(update, written)
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

    def _sealed(self, former: StoredReference, item: _Relabelled) -> StoredReference:
        labels, reference_id, label = self._session.labels, former.reference_id, item.label
        content = labels.open_content(former.sealed_label, reference_id)
        digest, enrolled = content.content_digest, content.enrolled
        return replace(
            former,
            pseudonym=labels.pseudonym(label),
            content_tag=labels.content_tag(digest, label),
            sealed_label=labels.seal(label, digest, reference_id, enrolled, item.details),
        )


@dataclass(frozen=True)
class _Relabelled:
    """A reference, and the label and details that it gets."""

    reference: Reference
    label: str
    details: PersonDetails


def known_details(
    session: GallerySession, state: GalleryState, labels: Iterable[str]
) -> dict[str, PersonDetails]:
    """Return the details of those people who have references in a state, by label."""
    pseudonyms = {session.labels.pseudonym(label): label for label in labels}
    found = state.first("pseudonym", pseudonyms)
    return {
        pseudonyms[pseudonym]: session.labels.open_content(
            item.sealed_label, item.reference_id
        ).details
        for pseudonym, item in found.items()
    }


def _changed(label: str, former: PersonDetails, change: DetailsChange) -> PersonDetails:
    """Return the details of a person after a change (`InvalidAttributeError` if too much)."""
    try:
        return change.of(former)
    except InvalidAttributeError as error:
        raise InvalidAttributeError(f"{label!r}: {error.message}", hint=error.hint) from error


def _joined(several: Sequence[PersonDetails]) -> PersonDetails:
    """Return the details of people who become one: the first's, and what only others have."""
    joined = NO_DETAILS
    for item in reversed(several):
        joined = joined.updated(item)
    return joined


def _two(former: str, label: str) -> tuple[str, str]:
    """Return two labels, normalised, which must differ."""
    normal = normalize_label(former), normalize_label(label)
    if normal[0] == normal[1]:
        raise InvalidLabelError("the former and the new label are the same")
    return normal

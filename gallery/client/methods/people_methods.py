"""Methods of an open gallery about its people: lists, labels, details and erasure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from gallery.client.integrity.labels import normalize_label
from gallery.client.integrity.person_details import NO_DETAILS, DetailsChange, PersonDetails
from gallery.client.integrity.printable_text import check_listed
from gallery.client.methods.opened_gallery import OpenedGallery
from gallery.client.progress import Progress
from gallery.errors import InvalidLabelError

if TYPE_CHECKING:
    from gallery.client.editing.people import Person
    from gallery.client.editing.relabelling import AnnotationReport, Relabeller
    from gallery.client.editing.selection import Reference, Selection
    from gallery.client.gallery_state import GalleryState


class PeopleMethods(OpenedGallery):
    """The methods that list the people of a gallery and correct what is enrolled of them."""

    def references(self, labels: Iterable[str] | None = None) -> Iterator[Reference]:
        """Yield references by block and position, with their labels.

        Parameters
        ----------
        labels
            Only references of these labels, if there are any; by default those of all labels.

        Yields
        ------
        Reference
            The references, by block and position.
        """
        selection = self._selection(self._session.state())
        yield from selection.all() if labels is None else selection.labelled(labels)

    def people(self, attributes: Mapping[str, str] | None = None) -> tuple[Person, ...]:
        """Return the people of the gallery: one `Person` for all references of a label.

        Parameters
        ----------
        attributes
            Only people who have all of these, such as ``{"id": "4711"}``.

        Returns
        -------
        tuple of Person
            Sorted by label.
        """
        from gallery.client.editing.people import people_of

        found = people_of(self._session, self._session.state())
        return tuple(item for item in found if not attributes or item.details.has(attributes))

    def find(
        self,
        names: Sequence[str] = (),
        *,
        labels: Sequence[str] = (),
        reference_ids: Sequence[str] = (),
    ) -> tuple[Reference, ...]:
        """Return the references that labels and reference identifiers name.

        Of all references, only the labels of those that are found are opened.

        Parameters
        ----------
        names
            Labels, which stand for all references that have them, or reference identifiers.
        labels, reference_ids
            Names that are to be taken for the one or the other.

        Returns
        -------
        tuple of Reference
            Each reference once, by block and position.

        Raises
        ------
        ReferenceNotFoundError
            If there is nothing of a name.
        AmbiguousNameError
            If one of ``names`` is a label and the identifier of another reference too.
        AuthenticationError
            If the label of one that is found is not what the owner sealed.
        """
        return self._selection(self._session.state()).named(names, labels, reference_ids)

    def annotate(
        self,
        labels: Sequence[str],
        details: PersonDetails = NO_DETAILS,
        *,
        without: Collection[str] = (),
        unlimited: bool = False,
    ) -> tuple[str, ...]:
        """Change attributes and expiry of people who are enrolled, in one write.

        Parameters
        ----------
        labels
            The people's labels.
        details
            Attributes and expiry that they get; an attribute replaces theirs of the same name.
        without
            Names of attributes that they lose, whether or not they have them.
        unlimited
            Whether they lose their expiry.

        Returns
        -------
        tuple of str
            The labels, sorted, of the people of whom anything was changed. Their former details are
            erased, as the label is by `rename`.

        Raises
        ------
        ReferenceNotFoundError, InvalidLabelError, InvalidAttributeError
            If somebody is not enrolled, or a label or an attribute is not valid, or there would be
            too many of these; nothing is changed then.
        ErasurePendingError, WriteConflictError
            As for `rename`.
        """
        check_listed(labels)
        change = DetailsChange(details, without, unlimited)
        changes = {normalize_label(label): change for label in labels}
        done = self._relabeller().annotate(changes, required=True)
        return tuple(item.label for item in done.changed)

    def annotate_each(
        self, changes: Mapping[str, DetailsChange], *, write: bool = True
    ) -> AnnotationReport:
        """Change attributes and expiry of many people, of each as is said, in one write.

        Those who are not enrolled are left out, and told.

        Parameters
        ----------
        changes
            The changes, by label.
        write
            Whether it is done; else it is only told what would be.

        Returns
        -------
        AnnotationReport
            The people of whom anything changed, with what was known and what is, and those who are
            not enrolled. Former details are erased, as the label is by `rename`.

        Raises
        ------
        InvalidLabelError, InvalidAttributeError
            If a label is none or given twice, or a person would have too many attributes; nothing
            is changed then.
        ErasurePendingError, WriteConflictError
            As for `rename`.
        """
        named: dict[str, DetailsChange] = {}
        for label, change in changes.items():
            if (normal := normalize_label(label)) in named:
                raise InvalidLabelError(f"{normal!r} is given twice")
            named[normal] = change
        return self._relabeller().annotate(named, required=False, write=write)

    def remove(
        self,
        names: Sequence[str] = (),
        *,
        labels: Sequence[str] = (),
        reference_ids: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> tuple[Reference, ...]:
        """Erase references.

        Parameters
        ----------
        names, labels, reference_ids
            As for `find`.
        progress
            Called with the number of references that were just erased.

        Returns
        -------
        tuple of Reference
            The erased references. They are in no row, free page or log of the database any more.

        Raises
        ------
        ReferenceNotFoundError, AmbiguousNameError
            As for `find`; nothing is erased then.
        ErasurePendingError
            If the references are erased from the tables, but other processes that read the
            database keep traces of them in its files; `compact` tries again.
        """
        from gallery.client.editing.removal import Remover

        state = self._session.state()
        chosen = self._selection(state).named(names, labels, reference_ids)
        identifiers = {bytes.fromhex(item.reference_id) for item in chosen}
        Remover(self._session).remove(identifiers, progress, state)
        return chosen

    def rename(self, old: str, new: str) -> tuple[Reference, ...]:
        """Give a person another label, in one write that moves no template.

        Parameters
        ----------
        old
            The label; all references that have it get the new one.
        new
            The new label, which no reference may have.

        Returns
        -------
        tuple of Reference
            The references with their new label. The former label, sealed, its pseudonym and its
            content tags are in no row, free page or log of the database any more.

        Raises
        ------
        ReferenceNotFoundError, LabelExistsError, InvalidLabelError
            If no reference has the old label, or some have the new one already, or one is no label;
            nothing is changed then.
        ErasurePendingError
            If it is done, but other processes that read the database keep traces of the former
            label in its files; `compact` tries again.
        WriteConflictError
            If other processes keep changing the gallery; nothing is changed then.
        """
        return self._relabeller().rename(old, new)

    def merge(self, absorbed: str, kept: str) -> tuple[Reference, ...]:
        """Make one person of two that are the same: see `rename`.

        Parameters
        ----------
        absorbed
            The label that goes; all references that have it get the other one.
        kept
            The label that stays, which some references must have.

        Returns
        -------
        tuple of Reference
            The references that had the label that is gone, with the one that they have now.

        Raises
        ------
        ReferenceNotFoundError, InvalidLabelError
            If no reference has one of the labels, or one is no label; nothing is changed then.
        ErasurePendingError, WriteConflictError
            As for `rename`.
        """
        return self._relabeller().merge(absorbed, kept)

    def assign(self, reference_ids: Sequence[str], label: str) -> tuple[Reference, ...]:
        """Give single references another label, be it new or another person's: see `rename`.

        Parameters
        ----------
        reference_ids
            Their identifiers.
        label
            The label that they are to have.

        Returns
        -------
        tuple of Reference
            The references whose label is another one now; those that had it before are left out.

        Raises
        ------
        ReferenceNotFoundError, InvalidLabelError
            If no reference has an identifier, or the label is not valid; nothing is changed
            then.
        ErasurePendingError, WriteConflictError
            As for `rename`.
        """
        return self._relabeller().assign(reference_ids, label)

    def _selection(self, state: GalleryState) -> Selection:
        from gallery.client.editing.selection import Selection

        return Selection(self._session, state)

    def _relabeller(self) -> Relabeller:
        from gallery.client.editing.relabelling import Relabeller

        return Relabeller(self._session)

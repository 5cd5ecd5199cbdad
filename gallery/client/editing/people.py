"""The people of a gallery: their labels, numbers of references, and times of enrollment."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from gallery.client.gallery_state import GalleryState
from gallery.client.integrity import clock
from gallery.client.integrity.labels import LabelContent
from gallery.client.integrity.person_details import NO_DETAILS, PersonDetails
from gallery.client.session import GallerySession


@dataclass(frozen=True)
class Person:
    """One person of a gallery: all that have one label.

    Attributes
    ----------
    label
        The label.
    references
        How many references have it.
    first_enrolled, last_enrolled
        When the first and the last of them whose time is known were enrolled, seconds since 1970
        UTC, by the clock of the machine that enrolled; None if no time is known.
    undated
        How many references have no time, because an earlier version of this program enrolled them.
    details
        Attributes and expiry.
    """

    label: str
    references: int
    first_enrolled: int | None
    last_enrolled: int | None
    undated: int
    details: PersonDetails = NO_DETAILS

    @property
    def is_expired(self) -> bool:
        """Whether the person is no match any more, by the clock of this machine."""
        return self.details.is_expired(clock.seconds())


def people_of(session: GallerySession, state: GalleryState) -> tuple[Person, ...]:
    """Return the people of a state of a gallery, sorted by label."""
    found = defaultdict[str, list[LabelContent]](list)
    for block in state.blocks:
        for item in block.table:
            content = session.labels.open_content(item.sealed_label, item.reference_id)
            found[content.label].append(content)
    return tuple(_person(label, contents) for label, contents in sorted(found.items()))


def _person(label: str, contents: list[LabelContent]) -> Person:
    known = [content.enrolled for content in contents if content.enrolled is not None]
    return Person(
        label,
        len(contents),
        min(known, default=None),
        max(known, default=None),
        len(contents) - len(known),
        contents[0].details,
    )

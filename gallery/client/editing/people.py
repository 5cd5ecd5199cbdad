"""The people of a gallery: who is enrolled, with how many references, and since when."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from gallery.client.gallery_state import GalleryState
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
    """

    label: str
    references: int
    first_enrolled: int | None
    last_enrolled: int | None
    undated: int


def people_of(session: GallerySession, state: GalleryState) -> tuple[Person, ...]:
    """Return the people of a state of a gallery, sorted by label."""
    found = defaultdict[str, list[int | None]](list)
    for block in state.blocks:
        for item in block.table:
            content = session.labels.open_content(item.sealed_label, item.reference_id)
            found[content.label].append(content.enrolled)
    return tuple(_person(label, moments) for label, moments in sorted(found.items()))


def _person(label: str, moments: list[int | None]) -> Person:
    known = [moment for moment in moments if moment is not None]
    return Person(
        label,
        len(moments),
        min(known, default=None),
        max(known, default=None),
        len(moments) - len(known),
    )

"""The entries of a log of decisions, and their bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

_STEP = 128
"""An entry's bytes are a multiple of this, so that its length does not tell a name."""


class HowSearched(StrEnum):
    """The origin of a search; or a gap, where some are missing."""

    PAGE = "page"
    LIVE = "live"
    API = "api"
    MATCH = "match"
    """A comparison with one person, by the API."""
    GAP = "gap"
    """Searches that could not be logged; `DecisionEntry.missed` says how many."""


@dataclass(frozen=True)
class DecidedFace:
    """The decision on one face: ``match`` or ``non-match``, and the label of a match."""

    decision: str
    label: str | None


@dataclass(frozen=True)
class DecisionEntry:
    """One search.

    Attributes
    ----------
    time
        Seconds since 1970 UTC.
    gallery
        Its name.
    operator
        Name of the token that searched, or ``owner``.
    how
        Its origin.
    faces
        The decision on each face.
    missed
        Of a gap, how many searches it stands for; else 0.
    """

    time: int
    gallery: str
    operator: str
    how: HowSearched
    faces: tuple[DecidedFace, ...]
    missed: int = 0

    def encoded(self) -> bytes:
        """Return its bytes: JSON, with spaces behind."""
        faces = [[face.decision, face.label] for face in self.faces]
        parts = [self.time, self.gallery, self.operator, str(self.how), faces, self.missed]
        return padded(json.dumps(parts, ensure_ascii=False, separators=(",", ":")))

    @classmethod
    def decoded(cls, data: bytes) -> DecisionEntry:
        """Return the entry of some bytes; `ValueError` or `TypeError` if they are not one."""
        time, gallery, operator, how, faces, missed = json.loads(data)
        decided = tuple(DecidedFace(decision, label) for decision, label in faces)
        return cls(int(time), gallery, operator, HowSearched(how), decided, int(missed))


def padded(text: str) -> bytes:
    """Return text as UTF-8 with spaces behind, up to a multiple of some bytes."""
    data = text.encode()
    return data.ljust(-(-len(data) // _STEP) * _STEP)

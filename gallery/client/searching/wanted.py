"""The candidates that a search is to list, a choice that changes nothing of what is sent."""

from __future__ import annotations

import operator
from dataclasses import dataclass


@dataclass(frozen=True)
class Wanted:
    """The choice of candidates that are listed for each probe.

    Attributes
    ----------
    k
        Length of the candidate lists, at least 1.
    per_reference
        Whether lists are of references; else they are of people, each with the closest reference.
    pseudonym
        If given, 16 bytes: only references of this person are candidates.
    """

    k: int = 1
    per_reference: bool = False
    pseudonym: bytes | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", operator.index(self.k))
        if self.k < 1:
            raise ValueError("a candidate list has at least one place")

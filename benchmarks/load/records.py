"""The records of a load: one for each search and each enrollment, with its fault if it had one.

Moments are those of `time.monotonic`, which all processes of a machine share.
"""

from __future__ import annotations

from typing import NamedTuple

from gallery.errors import ServerError


class Fault(NamedTuple):
    """A failed request: the class of its error, or "wrong answer", and the text.

    It is clear if it is an error that the library promises for a server that cannot be reached.
    """

    kind: str
    text: str
    clear: bool

    @classmethod
    def of(cls, error: Exception) -> Fault:
        """Describe an error by the class that the library documents."""
        names = (kind.__name__ for kind in type(error).__mro__)
        public = next(name for name in names if not name.startswith("_"))
        return cls(public, str(error), isinstance(error, ServerError))


class SearchRecord(NamedTuple):
    """One search: when it began, was answered and ended, and the seconds of its parts."""

    began: float
    answered: float
    ended: float
    encrypting: float
    waiting: float
    fault: Fault | None


class EnrollmentRecord(NamedTuple):
    """One write of new subjects, by their numbers."""

    began: float
    ended: float
    enroller: int
    numbers: tuple[int, ...]
    fault: Fault | None

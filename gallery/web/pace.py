"""The pace of a transfer: the time that a body, either way, may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """The least pace at which a body must move.

    Attributes
    ----------
    grace
        Seconds that any body may take.
    least_rate
        Bytes a second that a larger one must move at after that.
    longest
        Seconds that the largest one may take beyond the grace; it must move faster then.
    """

    grace: float
    least_rate: int
    longest: float

    def seconds_for(self, size: int, moved: int) -> float:
        """Return the seconds in which ``moved`` bytes of a body of ``size`` must have moved."""
        return self.grace + moved / max(self.least_rate, size / self.longest)

"""Fair shares: the part of a common resource that each of several owners may take.

No owner has more than a part of it, so one alone does not stop the others. A few together could all
the same. So the last quarter is for owners that have little: as many as take all of the rest leave
room for what most requests need.
"""

from __future__ import annotations

from dataclasses import dataclass

RESERVE = 4
"""One part in so many is kept for owners that have little."""

LITTLE = 32
"""One part in so many is little."""


@dataclass(frozen=True)
class FairShare:
    """The rule for the part of a resource that an owner may take.

    Attributes
    ----------
    total
        All that there is.
    most
        The most that one owner may have.
    """

    total: int
    most: int

    def fits(self, held: int, amount: int, free: int) -> bool:
        """Tell whether an owner who has ``held`` may take ``amount`` of ``free`` that are left."""
        if held + amount > self.most or amount > free:
            return False
        return free - amount >= self.total // RESERVE or self.is_little(held + amount)

    def is_little(self, size: int) -> bool:
        """Tell whether an owner that has so much may take of the last quarter, too."""
        return size <= max(1, self.total // LITTLE)

"""The errors of cosine distances, and decisions on either side of a threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gallery.arrays import Floats


@dataclass
class DecisionTally:
    """Decisions at one threshold that differ from those in clear.

    Attributes
    ----------
    threshold
        A cosine distance.
    within_bound
        Comparisons whose distance in clear lies within the bound of errors of the threshold.
    changed
        Decisions that differ.
    changed_outside
        Those of them whose distance in clear lies further from the threshold than the bound.
    """

    threshold: float
    within_bound: int = 0
    changed: int = 0
    changed_outside: int = 0

    def add(self, plain: Floats, found: Floats, bound: float) -> None:
        """Count comparisons by their distances in clear and under encryption."""
        near = np.abs(plain - self.threshold) <= bound
        changed = (plain <= self.threshold) != (found <= self.threshold)
        self.within_bound += int(near.sum())
        self.changed += int(changed.sum())
        self.changed_outside += int((changed & ~near).sum())


@dataclass
class DistanceErrors:
    """The errors of many distances.

    Attributes
    ----------
    bound
        The largest that the parameter set states.
    decisions
        Tallies of decisions, one for each threshold.
    comparisons, largest
        How many there were, and the largest error.
    """

    bound: float
    decisions: tuple[DecisionTally, ...]
    comparisons: int = 0
    largest: float = 0.0
    _sum: float = 0.0
    _squares: float = 0.0

    def add(self, plain: Floats, found: Floats) -> None:
        """Take in distances in clear and under encryption, of the same shape."""
        errors = found - plain
        self.comparisons += errors.size
        self.largest = max(self.largest, float(np.abs(errors).max()))
        self._sum += float(errors.sum())
        self._squares += float((errors * errors).sum())
        for tally in self.decisions:
            tally.add(plain, found, self.bound)

    @property
    def mean(self) -> float:
        """The mean error, 0 but for chance."""
        return self._sum / self.comparisons

    @property
    def standard_deviation(self) -> float:
        """The errors' standard deviation."""
        variance = self._squares / self.comparisons - self.mean**2
        return float(np.sqrt(max(variance, 0.0)))

    @property
    def as_stated(self) -> bool:
        """Whether no error is above the bound, and no decision changed that is not within it."""
        outside = any(tally.changed_outside for tally in self.decisions)
        return self.largest <= self.bound and not outside

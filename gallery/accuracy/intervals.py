"""Confidence intervals of measured rates, and the sizes below which a sample says nothing.

Searches of one person are not independent of each other, nor are those of several folds, so
subjects are resampled, not searches: each replicate draws as many subjects as there are, with
repetition, and takes all of their searches (Bolle, Ratha and Pankanti, "Error analysis of pattern
recognition systems: the subsets bootstrap", 2004). Intervals are the 2.5 and 97.5 percentiles. The
gallery stays as it is.

A bootstrap cannot see an error that did not happen. Where none did, the bound is the *rule of
three*: with none in n independent trials the rate is below 3/n with 95% confidence; n is the number
of subjects. The *rule of thirty* says when a rate is known well: within 30% of its value, with 90%
confidence, after at least 30 errors. Both are in Mansfield and Wayman, "Best practices in testing
and reporting performance of biometric devices", 2002, and ISO/IEC 19795-1; the second goes back to
Doddington et al., 2000.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from gallery.arrays import Floats, Integers
from gallery.client.progress import Progress

RESAMPLES = 1000
"""Replicates of a bootstrap."""

RULE_OF_THIRTY = 30
PERCENTILES = (2.5, 97.5)

_BATCH = 50
"""Replicates that are drawn together, where a statistic takes several at a time."""


@dataclass(frozen=True)
class Estimate:
    """A measured value with its 95% confidence interval.

    Attributes
    ----------
    value
        None if the sample is too small to measure it.
    low, high
        The interval; None where there is none.
    note
        What to keep in mind, or why there is no value.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""


class SubjectBootstrap:
    """Replicates of a statistic, subjects drawn with repetition.

    Parameters
    ----------
    subjects
        How many there are; they are the numbers from 0.
    seed
        The same one gives the same intervals.
    resamples
        Replicates.
    progress
        Called with the number of replicates that were just drawn; each statistic draws them anew.
    """

    def __init__(
        self,
        subjects: int,
        seed: int,
        resamples: int = RESAMPLES,
        progress: Progress | None = None,
    ) -> None:
        self._subjects, self._seed, self._resamples = subjects, seed, resamples
        self._progress = progress

    def __iter__(self) -> Iterator[Integers]:
        """Yield how often each subject was drawn, shape (subjects,), for each replicate."""
        generator = np.random.default_rng(self._seed)
        shares = np.full(self._subjects, 1.0 / self._subjects)
        for _ in range(self._resamples):
            yield generator.multinomial(self._subjects, shares)
            if self._progress is not None:
                self._progress(1)

    def batches(self) -> Iterator[Floats]:
        """Yield the same for some replicates at a time, float64, shape (replicates, subjects)."""
        replicates = iter(self)
        while some := list(islice(replicates, _BATCH)):
            yield np.array(some, dtype=np.float64)

    def intervals(self, statistic: Callable[[Integers], Floats]) -> tuple[Floats, Floats]:
        """Return the lower and upper ends for a statistic of weights; NaN where it has no value.

        Parameters
        ----------
        statistic
            Takes how often each subject counts, shape (subjects,); returns s numbers, NaN where a
            replicate has none.

        Returns
        -------
        tuple of ndarray of float64, each of shape (s,)
        """
        return interval_ends(np.array([statistic(weights) for weights in self]))


def interval_ends(replicates: Floats) -> tuple[Floats, Floats]:
    """Return the lower and upper ends of intervals, shape (s,), of replicates of shape (r, s)."""
    ends = np.full((2, replicates.shape[1]), np.nan)
    usable = np.isfinite(replicates).any(axis=0)
    finite = np.where(np.isfinite(replicates), replicates, np.nan)[:, usable]
    if usable.any():
        ends[:, usable] = np.nanpercentile(finite, PERCENTILES, axis=0)
    return ends[0], ends[1]


def rate_estimate(value: float, low: float, high: float, subjects: int, note: str = "") -> Estimate:
    """Return the estimate of a rate, with the rule of three where it is 0 or 1.

    Parameters
    ----------
    value, low, high
        The rate and its bootstrap interval.
    subjects
        Different subjects that it was measured on, at least 1.
    note
        What to keep in mind.
    """
    bound = min(1.0, 3.0 / subjects)
    if value <= 0.0:
        return Estimate(0.0, 0.0, max(bound, _number(high, 0.0)), note)
    if value >= 1.0:
        return Estimate(1.0, min(1.0 - bound, _number(low, 1.0)), 1.0, note)
    return Estimate(value, _number(low, 0.0), _number(high, 1.0), note)


def support(rate: float, searches: int) -> tuple[bool, str]:
    """Tell whether so many searches can show a false positive rate, and what to keep in mind.

    At least 1/rate searches are needed for one error to be allowed; below 30/rate the threshold
    hangs on fewer than 30 errors.
    """
    expected = rate * searches
    if expected < 1.0 - 1e-9:
        return False, (
            f"needs at least {int(np.ceil(1.0 / rate - 1e-9)):,} non-mated searches "
            f"(better {int(np.ceil(RULE_OF_THIRTY / rate - 1e-9)):,}); there are {searches:,}"
        )
    if expected < RULE_OF_THIRTY:
        errors = int(expected + 1e-9)
        counted = "1 false positive" if errors == 1 else f"{errors} false positives"
        return True, (
            f"rests on {counted}; the rule of thirty wants "
            f"{int(np.ceil(RULE_OF_THIRTY / rate - 1e-9)):,} non-mated searches"
        )
    return True, ""


def _number(value: float, otherwise: float) -> float:
    return float(value) if np.isfinite(value) else otherwise

"""The expected distribution of noise, and the deviations that a sample may have from it.

Bounds are at odds of one in a billion and more, so that no test ever fails by chance.
"""

from __future__ import annotations

import math

import numpy as np

PROBABILITIES = np.array([math.comb(42, ones) / 2.0**42 for ones in range(43)])
"""Of noise from -21 to 21: the binomial distribution of 42 bits."""


def chi_square(noise: np.ndarray) -> tuple[float, int]:
    """Return the statistic of values against the distribution, and its degrees of freedom."""
    counts = np.bincount(noise + 21, minlength=43)
    likely = len(noise) * PROBABILITIES > 20
    observed = np.append(counts[likely], counts[~likely].sum())
    expected = len(noise) * np.append(PROBABILITIES[likely], PROBABILITIES[~likely].sum())
    return float(((observed - expected) ** 2 / expected).sum()), len(observed) - 1


def limit(freedom: int) -> float:
    """Return what chi-square exceeds once in 1e10 (Wilson and Hilferty's approximation)."""
    return freedom * (1 - 2 / (9 * freedom) + 6.4 * math.sqrt(2 / (9 * freedom))) ** 3

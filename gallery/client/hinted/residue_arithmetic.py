"""Sums and negatives of residues under all primes at once.

They hold secrets, so they are corrected without a branch or a division: of a number below 2p and
the same less p, modulo 2**32, the smaller one is its residue.
"""

from __future__ import annotations

import numpy as np

from gallery.arrays import Residues
from gallery.parameters import HintedParameterSet


def added(one: Residues, other: Residues, parameters: HintedParameterSet) -> Residues:
    """Return the sums of residues, uint32 of shape (primes, ...)."""
    primes, total = _primes(one, parameters), one + other
    found: Residues = np.minimum(total, total - primes)
    return found


def negative(residues: Residues, parameters: HintedParameterSet) -> Residues:
    """Return the negatives of residues, uint32 of shape (primes, ...)."""
    primes = _primes(residues, parameters)
    found: Residues = np.minimum(primes - residues, np.uint32(0) - residues)
    return found


def _primes(residues: Residues, parameters: HintedParameterSet) -> Residues:
    """Return the primes, shaped so that each meets its residues."""
    return np.array(parameters.data_primes, np.uint32).reshape(-1, *[1] * (residues.ndim - 1))

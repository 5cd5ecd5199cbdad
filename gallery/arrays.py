"""Types and sizes of arrays that several rooms share."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
"""Embeddings, templates, distances and rates."""

Integers = npt.NDArray[np.int64]
"""Numbers of subjects and of cases, and values as they are encoded."""

Residues = npt.NDArray[np.uint32]
"""Residues of ciphertexts modulo their primes."""


def residue_bytes(shape: tuple[int, ...]) -> int:
    """Return the bytes that residues of a shape take in memory."""
    return 4 * math.prod(shape)

"""Types of arrays that several rooms share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
"""Embeddings, templates, distances and rates."""

Residues = npt.NDArray[np.uint32]
"""Residues of ciphertexts modulo their primes."""

"""Random vectors of norm 1, in place of embeddings."""

from __future__ import annotations

import numpy as np

from gallery.arrays import Floats


def unit_vectors(random: np.random.Generator, count: int, dimension: int) -> Floats:
    """Draw directions; shape (count, dimension), each of norm 1."""
    drawn = random.normal(size=(count, dimension))
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return drawn

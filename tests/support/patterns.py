"""Pictures of patterns: what the model Dlib without a detector embeds like faces.

It gives any picture some embedding, those of one pattern close together and those of others far
apart.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def write_pattern(path: Path, pattern: int, version: int = 0) -> Path:
    """Write a picture of a pattern; versions of one differ by a little noise."""
    blocks = np.random.default_rng(pattern).uniform(40, 215, (5, 5, 3))
    noise = np.random.default_rng((pattern, version)).normal(0, 1, (150, 150, 3))
    pixels = np.kron(blocks, np.ones((30, 30, 1))) + noise
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path

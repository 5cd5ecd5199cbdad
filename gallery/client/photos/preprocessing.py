"""The preprocessing that all photos share, which decides their embeddings with model and detector.

A gallery keeps these values (`gallery.messages.Preprocessing`): embeddings and thresholds are only
comparable where all of it is equal.
"""

from __future__ import annotations

from typing import Final

NORMALIZATION: Final = "base"
"""DeepFace's name of the scaling of pixel values: its default, and what its thresholds go with."""

LONGEST_SIDE: Final = 1024
"""Photos are shrunk to this many pixels on their longest side.

dlib's detector takes time in proportion to the pixels (DeepFace's border makes them four times as
many): nine photos of 0.01 to 3.3 megapixels took 1.7 s each at full size, 0.7 s at 1024, and were
told apart as well. A face needs 150 pixels at most for dlib's model, 224 for the largest other.
Another value moves embeddings a little (squared distances up to 0.17), so it is no option.
"""

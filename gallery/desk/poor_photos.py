"""Flaws of photos in words for the person before the camera, without figures."""

from __future__ import annotations

from gallery.client import FaceQuality
from gallery.desk.texts import Texts


def poor_words(quality: FaceQuality, t: Texts) -> str:
    """Return the flaws of a face in a photo, with advice; empty for a good one."""
    return " ".join(t(f"poor.{flaw}") for flaw in quality.flaws())

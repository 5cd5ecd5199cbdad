"""Poor photos in words for whoever stands before the camera, without figures."""

from __future__ import annotations

from gallery.client import FaceQuality
from gallery.desk.texts import Texts


def poor_words(quality: FaceQuality, t: Texts) -> str:
    """Return what is poor about a face in a photo and what to do; empty for a good one."""
    return " ".join(t(f"poor.{flaw}") for flaw in quality.flaws())

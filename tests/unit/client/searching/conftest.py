from __future__ import annotations

from tests.support.photos import deepface_home

__all__ = ["deepface_home"]

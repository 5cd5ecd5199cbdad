from __future__ import annotations

from tests.photos import deepface_home

__all__ = ["deepface_home"]

from __future__ import annotations

from tests.photos import samples

__all__ = ["samples"]

from __future__ import annotations

from tests.support.photos import samples

__all__ = ["samples"]

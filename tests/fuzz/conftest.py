from __future__ import annotations

from tests.galleries import key

__all__ = ["key"]

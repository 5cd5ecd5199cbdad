from __future__ import annotations

from tests.support.galleries import key

__all__ = ["key"]

"""The progress of long work, as its caller is told of it."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int], None]
"""Called with the number of items that were just finished."""

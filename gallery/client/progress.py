"""The progress of long work, as it is reported to the caller."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int], None]
"""Called with the number of items that were just finished."""

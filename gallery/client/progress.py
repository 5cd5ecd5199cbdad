"""The progress of long work, as it is reported to the caller."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

Progress = Callable[[int], None]
"""Called with the number of items that were just finished."""

ProgressBar = Callable[[str, int], AbstractContextManager[Progress]]
"""Takes the title of a stage of long work and how many items it has, and gives what to call."""

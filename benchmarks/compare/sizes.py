"""The sizes of galleries that goals are stated for, with d = 128."""

from __future__ import annotations

from typing import Final

REFERENCES: Final = 100_000
MILLION: Final = 1_000_000

"""The wording of references for questions and reports: counts by label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gallery.client import Reference

_NAMED = 10
"""People that are named; the others are counted."""


def whom(references: Iterable[Reference]) -> str:
    """Return the counts of references by label: ``2 of 'Ada', 1 of 'Eve'``."""
    counts = Counter(item.label for item in references)
    named = [f"{count:,} of {label!r}" for label, count in list(counts.items())[:_NAMED]]
    if len(counts) > _NAMED:
        rest = sum(list(counts.values())[_NAMED:])
        named.append(f"{rest:,} of {len(counts) - _NAMED:,} others")
    return ", ".join(named)

"""The report of entries in folders of photos that were passed over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gallery.commands.settings import Settings

if TYPE_CHECKING:
    from gallery.client import PassedOver


def tell_passed_over(settings: Settings, passed_over: Sequence[PassedOver]) -> None:
    """Print how much was passed over and why, in a line; with ``--verbose`` all of it."""
    if not passed_over:
        return
    counts = Counter(item.reason for item in passed_over)
    reasons = ", ".join(f"{reason}: {count}" for reason, count in counts.most_common())
    settings.notice(
        f"{len(passed_over)} passed over ({reasons}), the first is {passed_over[0].path}"
        + ("" if settings.verbose else "; --verbose lists all")
    )
    for item in passed_over:
        settings.detail(f"passed over: {item.path}: {item.reason}")


def passed_over_records(passed_over: Sequence[PassedOver]) -> list[dict[str, Any]]:
    """Return the entries that were passed over, ready for JSON."""
    return [{"path": str(item.path), "reason": item.reason} for item in passed_over]

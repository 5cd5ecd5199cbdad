"""The age of a state: how long ago its owner signed it, by the clocks of two machines.

A server that shows one state for ever shows nothing that its owner did not sign. The date in the
manifest, which every write renews, gives it away. The date is by the clock of the machine that
wrote; the age is reckoned with the clock of the one that reads. Neither clock is the server's.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from gallery.errors import StaleManifestError
from gallery.hints import Hint
from gallery.messages import Manifest

TOLERANCE: Final = timedelta(minutes=5)
"""The tolerated difference of two machines' clocks. A date that is further in the future would make
a state look new for longer than anybody meant."""


def seconds() -> int:
    """Return the time of this machine, seconds since 1970 UTC; a clock before that shows 0."""
    return max(0, int(time.time()))


def age(signed: int | None) -> int | None:
    """Return the seconds since a manifest was signed, below 0 if its date is in the future.

    None if it has no date: an earlier version of this program signed it.
    """
    return None if signed is None else seconds() - signed


def oldest(dates: Sequence[int | None]) -> int | None:
    """Return the oldest of some manifests' dates, or None if one has none."""
    known = [date for date in dates if date is not None]
    return min(known) if known and len(known) == len(dates) else None


def check_age(manifest: Manifest, max_age: timedelta) -> None:
    """Check that a manifest was signed no longer ago than ``max_age``.

    Raises
    ------
    StaleManifestError
        If it is older, has no date, or has one in the future.
    """
    found = age(manifest.signed)
    if found is None:
        raise StaleManifestError(
            "the gallery's state has no date, because an earlier version of this program signed "
            "it; it is not known how old it is",
            hint=Hint.REFRESH,
        )
    if found > max_age.total_seconds():
        raise StaleManifestError(
            f"the gallery's state was signed {in_words(found)} ago, and may be at most "
            f"{in_words(int(max_age.total_seconds()))} old: nobody has refreshed it, or an old "
            "state is shown in the place of a newer one",
            hint=Hint.REFRESH,
        )
    if found < -TOLERANCE.total_seconds():
        raise StaleManifestError(
            f"the gallery's state is dated {in_words(-found)} in the future: the clock of this "
            "machine, or of the one that signed it, is wrong, and its age is not known",
            hint=Hint.SET_CLOCK,
        )


def in_utc(moment: int) -> str:
    """Return a moment, in seconds since 1970 UTC, as an ISO date and time in UTC."""
    try:
        return datetime.fromtimestamp(moment, UTC).isoformat()
    except (OverflowError, OSError, ValueError):  # signed by a clock that was beyond any year
        return f"@{moment}"


def age_in_words(found: int | None) -> str:
    """Return the age of a state, in words; see `age`."""
    if found is None:
        return "not known: an earlier version signed no date"
    if found < 0:
        return f"dated {in_words(-found)} in the future: two clocks differ"
    return in_words(found)


def in_words(count: int) -> str:
    """Return a number of seconds as people say it, rounded down: ``3 days``."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if count >= size:
            return f"{count // size} {unit}{'s' if count // size > 1 else ''}"
    return f"{count} second{'' if count == 1 else 's'}"

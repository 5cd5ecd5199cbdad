"""Moments as people write them: a date, or a span of time from now."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_SPAN = re.compile(r"([0-9]{1,6})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

FORMS = "90m, 12h, 30d or 2w, or an ISO date such as 2027-01-31 (its beginning in UTC)"
"""The forms that are understood, for messages and help."""

NEVER = "never"
"""The word for no moment at all."""


def parse_span(text: str) -> timedelta | None:
    """Return the span that ``30d`` and the like stand for, or None for another form."""
    found = _SPAN.fullmatch(text)
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None


def parse_date(text: str) -> datetime | None:
    """Return the moment that an ISO date, or date and time, names, or None for another form.

    Without a time it is the beginning of the day; without a zone it is in UTC.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def parse_moment(text: str) -> datetime | None:
    """Return the moment that a date names, or that is a span from now; None for another form."""
    span = parse_span(text)
    try:
        return parse_date(text) if span is None else datetime.now(UTC) + span
    except OverflowError:
        return None


def iso(seconds: float) -> str:
    """Return a moment, in seconds since 1970 UTC, as an ISO date and time in UTC."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (OverflowError, OSError, ValueError):  # noted by a clock that was beyond any year
        return f"@{seconds:.0f}"

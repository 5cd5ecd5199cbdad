"""The expiry of tokens: an option that tokens of servers and of desks share."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from gallery.commands.dates import FORMS, parse_date, parse_span


def _expiry(_context: click.Context, _option: click.Parameter, text: str) -> int | None:
    """Return the expiry in seconds since 1970 UTC, or None for never."""
    if text == "never":
        return None
    now = datetime.now(UTC)
    span = parse_span(text)
    try:
        moment = parse_date(text) if span is None else now + span
    except OverflowError:
        moment = None
    if moment is None:
        raise click.BadParameter(f"give {FORMS}, or never")
    if moment <= now:
        raise click.BadParameter("that is in the past")
    return int(moment.timestamp())


expires_option = click.option(
    "--expires",
    metavar="WHEN",
    default="90d",
    show_default=True,
    callback=_expiry,
    help=f"When it ends: {FORMS}; or never.",
)

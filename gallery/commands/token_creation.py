"""The expiry of tokens: an option that tokens of servers and of desks share."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from gallery.commands.dates import FORMS, parse_moment


def _expiry(_context: click.Context, _option: click.Parameter, text: str) -> int | None:
    """Return the expiry in seconds since 1970 UTC, or None for never."""
    if text == "never":
        return None
    moment = parse_moment(text)
    if moment is None:
        raise click.BadParameter(f"give {FORMS}, or never")
    if moment <= datetime.now(UTC):
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

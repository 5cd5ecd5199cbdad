"""The creation of tokens of servers and of desks: when they end, and what is said of new ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click

from gallery.commands.streams import OutputLostError
from gallery.dates import FORMS, iso, parse_moment


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
    help=f"End of the token: {FORMS}; or never.",
)


@contextmanager
def delivery() -> Iterator[None]:
    """Say of a token that could not be printed that there is none."""
    try:
        yield
    except OutputLostError as error:
        raise OutputLostError(error.reason, "no token was made") from error


def notice_of(name: str, expires: int | None, whereof: str = "") -> str:
    """Return what is said of a new token: its name, what it is for, and when it ends."""
    until = "without end" if expires is None else f"until {iso(expires)}"
    said = ", ".join(part for part in (f"token {name!r} made", whereof, until) if part)
    return f"{said}; keep it now, it cannot be shown again"

"""Attributes and the expiry of a person, as they are given on the command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from gallery.dates import FORMS, NEVER, parse_moment

if TYPE_CHECKING:
    from gallery.client import PersonDetails


def attribute_option(text: str) -> Callable[..., Any]:
    """Return ``--attribute``, of which a command gets names and values as a dictionary."""
    return click.option(
        "--attribute",
        "attributes",
        metavar="NAME=VALUE",
        multiple=True,
        callback=_pairs,
        help=text,
    )


def expires_option(text: str, *, or_never: bool = False) -> Callable[..., Any]:
    """Return ``--expires``, of which a command gets seconds since 1970 UTC, or None.

    With ``or_never`` it gets `NEVER` where that was said, and may get a moment that has passed.
    """

    def moment(_context: click.Context, _option: click.Parameter, given: str | None) -> Any:
        if given is None or (or_never and given == NEVER):
            return given
        found = parse_moment(given)
        if found is None:
            raise click.BadParameter(f"give {FORMS}{', or never' if or_never else ''}")
        if found <= datetime.now(UTC) and not or_never:
            raise click.BadParameter("that is in the past: these people would be no match at all")
        return int(found.timestamp())

    return click.option("--expires", metavar="WHEN", callback=moment, help=text)


def details_of(attributes: dict[str, str], expires: int | None) -> PersonDetails:
    """Return the details that a person gets."""
    from gallery.client import PersonDetails

    return PersonDetails(attributes, expires)


def _pairs(
    _context: click.Context, _option: click.Parameter, given: Sequence[str]
) -> dict[str, str]:
    found = dict[str, str]()
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise click.BadParameter(f"{text!r} is not NAME=VALUE, such as id=4711")
        if name in found:
            raise click.BadParameter(f"{name!r} is given twice")
        found[name] = value
    return found

"""Decisions as exit codes, for scripts that ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gallery.commands.main import EXIT_NON_MATCH, EXIT_PARTIAL

if TYPE_CHECKING:
    from gallery.client import Identification

exit_code_option = click.option(
    "--exit-code",
    is_flag=True,
    help="Exit with 0 only if every probe matched, with 10 if one did not.",
)


def code_of(found: Identification | None, failures: object, exit_code: bool) -> int:
    """Return the exit code of a search.

    Parameters
    ----------
    found
        What was found, or None if no probe was searched with.
    failures
        Probes that could not be searched with: they come first, since there is no decision on them.
    exit_code
        Whether decisions are asked for.
    """
    if failures:
        return EXIT_PARTIAL
    if exit_code and (found is None or not found.decisions.all()):
        return EXIT_NON_MATCH
    return 0

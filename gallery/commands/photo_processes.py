"""The number of processes that embed photos: an option."""

from __future__ import annotations

from typing import Final

import click

_CHOICE: Final = "gallery.jobs"


def _keep(context: click.Context, _option: click.Parameter, chosen: int | None) -> None:
    context.meta[_CHOICE] = chosen


jobs_option = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    expose_value=False,
    callback=_keep,
    help="Processes that embed photos, where there are more than a few. "
    "[default: one for each processor core, as far as memory goes]",
)
"""``--jobs``, which `chosen_jobs` looks up."""


def chosen_jobs() -> int | None:
    """Return the number of processes that may embed photos, or None if nothing is said."""
    chosen: int | None = click.get_current_context().meta.get(_CHOICE)
    return chosen

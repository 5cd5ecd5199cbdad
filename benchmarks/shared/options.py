"""Options that several benchmarks have: of the gallery that is measured, and where to work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gallery.parameters import DEFAULT_PARAMETERS, MAX_DIMENSION, PARAMETER_SETS

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

parameters_option: Decorator = click.option(
    "--parameters",
    type=click.Choice([*PARAMETER_SETS]),
    default=DEFAULT_PARAMETERS.name,
    show_default=True,
)

folder_option: Decorator = click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where to work.",
)


def references_option(default: int) -> Decorator:
    """Return a decorator that adds how many references the gallery has."""
    return click.option("--references", type=click.IntRange(1), default=default, show_default=True)


def dimension_option(least: int = 1) -> Decorator:
    """Return a decorator that adds the dimension of the embeddings, from the least that will do."""
    return click.option(
        "--dimension", type=click.IntRange(least, MAX_DIMENSION), default=128, show_default=True
    )

"""Secrets in the environment, withheld from every process that a command starts.

Packages start programs without asking: matplotlib looks for fonts with one, TensorFlow compiles
with another. Each inherits the environment, so while a command runs the secrets are not in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

PASSPHRASE_VARIABLE: Final = "GALLERY_PASSPHRASE"
NEW_PASSPHRASE_VARIABLE: Final = "GALLERY_NEW_PASSPHRASE"
TOKEN_VARIABLE: Final = "GALLERY_TOKEN"
DATABASE_VARIABLE: Final = "GALLERY_DATABASE"
CAMERA_VARIABLE: Final = "GALLERY_CAMERA"
"""These two are no secrets themselves, but their values, URLs, may hold a password."""

SECRET_VARIABLES: Final = (
    PASSPHRASE_VARIABLE,
    NEW_PASSPHRASE_VARIABLE,
    TOKEN_VARIABLE,
    DATABASE_VARIABLE,
    CAMERA_VARIABLE,
)
"""The variables that are withheld."""

_withheld: dict[str, str] = {}


@contextmanager
def withheld_secrets() -> Iterator[None]:
    """Take the secrets out of the environment, and put them back on leaving."""
    taken = {name: os.environ.pop(name) for name in SECRET_VARIABLES if name in os.environ}
    former = _withheld.copy()
    _withheld.update(taken)
    try:
        yield
    finally:
        _withheld.clear()
        _withheld.update(former)
        os.environ.update(taken)


def secret_variable(name: str) -> str | None:
    """Return the value of a variable that may be withheld, or None if it is not set."""
    return _withheld.get(name, os.environ.get(name))


class WithheldOption(click.Option):
    """An option whose environment variable is one of those that are withheld."""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Return the variable's value, or None if it is not set or empty."""
        return (secret_variable(self.envvar) if isinstance(self.envvar, str) else None) or None

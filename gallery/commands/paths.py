"""Paths as arguments: none of them may be empty."""

from __future__ import annotations

from typing import Any

import click


class NamedPath(click.Path):
    """A path that somebody has named.

    An empty one would be the current folder. It comes from a variable of a script that is not set,
    and what is done with a folder may be to enroll or to overwrite all of it.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path (`click.BadParameter` if it is empty)."""
        if value == "":
            self.fail("it is empty; the current folder is named by a dot", param, ctx)
        return super().convert(value, param, ctx)

"""Paths, addresses and other words as arguments: none of them may be empty."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    _ParamType = click.ParamType[str]
else:
    _ParamType = click.ParamType  # the oldest supported releases have no types of it

_MOST_OF_A_WORD: Final = 64 * 1024
"""Bytes of a file that holds a passphrase or a token."""


class NamedPath(click.Path):
    """A path that somebody has named.

    An empty one would be the current folder. It comes from a variable of a script that is not set,
    and a command may enroll or overwrite all that is in a folder.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path (`click.BadParameter` if it is empty)."""
        if value == "":
            self.fail("it is empty; the current folder is named by a dot", param, ctx)
        return super().convert(value, param, ctx)


class SomeWord(_ParamType):
    """A word that somebody has written.

    An empty one is a variable of a script that is not set, and no wish for the default: such as to
    use a database of this machine in the place of a server.
    """

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the word (`click.BadParameter` if it is empty)."""
        if not str(value).strip():
            self.fail("it is empty", param, ctx)
        return str(value)


def read_word(path: Path) -> bytes:
    """Return the passphrase or token in a file, which may be a pipe, too.

    Raises
    ------
    OSError
        If it cannot be read, or holds far more; ``strerror`` says so.
    """
    with path.open("rb") as file:
        data = file.read(_MOST_OF_A_WORD + 1)
    if len(data) > _MOST_OF_A_WORD:
        raise OSError(errno.EFBIG, "it is far too large", str(path))
    return data

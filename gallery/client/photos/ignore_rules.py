"""Ignore rules: photos and folders that an owner has named in ``.galleryignore``.

A file of that name in any folder is read as git reads ``.gitignore``: its patterns hold for what is
in and below the folder, one in a deeper folder comes before one above it, the last of a file before
the first, and nothing in a folder that is ignored is looked at, whatever a pattern takes back.
"""

from __future__ import annotations

import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gallery.client.photos.deepface_runtime import require_modules
from gallery.client.regular_file import open_regular
from gallery.errors import SourceError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE: Final = ".galleryignore"
"""Name of the files with patterns."""

_LARGEST: Final = 2**20
"""Bytes of such a file."""

_LONGEST: Final = 4096
"""Characters of a line; no system takes a longer path."""

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class IgnoreRules:
    """The patterns that hold in one folder: its own, and those of the folders above it.

    Attributes
    ----------
    levels
        Folder and patterns of each file, the innermost first.
    """

    levels: tuple[tuple[Path, GitIgnoreSpec], ...] = ()

    def within(self, folder: Path) -> IgnoreRules:
        """Return the patterns that hold in a folder that is searched next.

        Raises
        ------
        SourceError
            If its file cannot be read, or has a line that is no pattern: what it was to keep out
            is not let in by mistake.
        MissingDependencyError
            If there is such a file, and no package to read it.
        """
        path = folder / IGNORE_FILE
        if not os.path.lexists(path):
            return self
        return self.with_patterns(folder, _content(path))

    def with_patterns(self, folder: Path, content: bytes) -> IgnoreRules:
        """Return the patterns that hold in a folder whose file has a content.

        Parameters
        ----------
        folder
            The folder; it need not be on this machine.
        content
            Of its file `IGNORE_FILE`.

        Raises
        ------
        SourceError, MissingDependencyError
            As for `within`.
        """
        return IgnoreRules(((folder, _parsed(folder / IGNORE_FILE, content)), *self.levels))

    def ignore(self, path: Path, *, is_folder: bool) -> bool:
        """Whether a file or folder in the folder is to be ignored."""
        for folder, patterns in self.levels:
            name = path.relative_to(folder).as_posix() + ("/" if is_folder else "")
            decided = patterns.check_file(name).include
            if decided is not None:
                return decided
        return False


def _content(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(content) > _LARGEST:
        raise SourceError(f"{path} cannot be read: it has more than {_LARGEST // 2**20} MiB")
    return content


def _parsed(path: Path, content: bytes) -> GitIgnoreSpec:
    require_modules(("pathspec",), f"Reading {path}")
    from pathspec import GitIgnoreSpec

    # Names are bytes: what is no UTF-8 stands for the same bytes of a name.
    text = os.fsdecode(content.removeprefix(_BYTE_ORDER_MARK))
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    with warnings.catch_warnings():
        # Of sets such as [[:alpha:]], which would be read as other ones than git's.
        warnings.simplefilter("error", FutureWarning)
        for number, line in enumerate(lines, start=1):
            if len(line) > _LONGEST:
                raise SourceError(f"{path}, line {number}, is longer than any path: {len(line):,}")
            try:
                GitIgnoreSpec.from_lines([line])
            except (ValueError, re.error, FutureWarning) as error:
                raise SourceError(f"{path}, line {number}, is no pattern: {line!r}") from error
    made = GitIgnoreSpec.from_lines(lines)
    return GitIgnoreSpec([_at_first_fit(pattern) for pattern in made.patterns])


_ASTERISK: Final = "[^/]*"
"""The expression of an asterisk in a pattern."""


_ANY_FOLDERS: Final = "(?:/.+)?/"
"""The expression of ``/**/`` in a pattern."""

_ANYWHERE: Final = "^(?:.+/)?"
"""The expression of ``**/`` at its beginning."""


def _at_first_fit(pattern: Any) -> Any:
    """Return a pattern whose asterisks, but the last ones, end where what follows first fits.

    Any later place would do as well, as another asterisk comes after that. Without this, a
    comparison takes a power of the length of a name, or of a path, as large as their number.
    """
    if pattern.regex is None:
        return pattern
    given = pattern.regex.pattern
    text = _folders_at_first_fit(_names_at_first_fit(given))
    if text == given:
        return pattern
    return type(pattern)(re.compile(text, pattern.regex.flags), pattern.include)


def _names_at_first_fit(expression: str) -> str:
    """Return an expression whose asterisks within a name, but the last of it, are atomic."""
    first, *inner = expression.split(_ASTERISK)
    if len(inner) < 2:
        return expression
    last = inner.pop()
    return first + "".join(map(_fitting, inner)) + _ASTERISK + last


def _folders_at_first_fit(expression: str) -> str:
    """Return an expression whose ``/**/``, but the last, are atomic with what follows."""
    first, *inner = expression.split(_ANY_FOLDERS)
    if not inner:
        return expression
    last = inner.pop()
    # What stands between is so many whole names, so that where it begins says where it ends.
    before, *middle = (_OPEN_SET.sub("[^/", names) for names in (first, *inner))
    if before.startswith(_ANYWHERE):
        before = f"^(?>(?:.+?/)??{before.removeprefix(_ANYWHERE)}(?=/))"
    fitting = "".join(f"(?>(?:/.+?)??/{names}(?=/))" for names in middle)
    return before + fitting + _ANY_FOLDERS + last


def _fitting(following: str) -> str:
    """Return the expression of an asterisk, and of what is between it and the next one."""
    # As git has them, sets such as [!a] hold no slash; pathspec's do.
    one_name = _OPEN_SET.sub("[^/", following)
    if "/" in one_name.replace("[^/", ""):  # the next one is in another name
        return _ASTERISK + following
    return f"(?>[^/]*?{one_name})"


_OPEN_SET: Final = re.compile(r"\[\^(?!/)")

"""Commands that somebody may have meant who named one that there is not."""

from __future__ import annotations

from collections.abc import Iterable

FOREIGN_NAMES = {
    "add": "enroll",
    "backup": "export",
    "check": "verify",
    "compare": "match",
    "create": "init",
    "delete": "remove",
    "erase": "remove",
    "find": "identify",
    "gui": "desk",
    "help": "--help",
    "ls": "list",
    "new": "init",
    "passphrase": "key passphrase",
    "password": "key passphrase",
    "recognise": "identify",
    "recognize": "identify",
    "register": "enroll",
    "restore": "import",
    "rm": "remove",
    "search": "identify",
    "status": "info",
    "ui": "desk",
    "version": "--version",
    "web": "desk",
}
"""Names of commands in other programs, each with the one here."""

_CLOSE = 0.7
"""The likeness of a name that was mistyped, of 0 to 1, as `difflib` measures it."""


def guessed(name: str, commands: Iterable[str]) -> str:
    """Return a sentence with the commands that may have been meant, or an empty text.

    Parameters
    ----------
    name
        What was typed.
    commands
        Names of the commands that there are.
    """
    from difflib import get_close_matches  # late, since most command lines need none

    known = {**FOREIGN_NAMES, **{item: item for item in commands}}
    word = name.lower()
    close = [word] if word in known else get_close_matches(word, known, cutoff=_CLOSE)
    quoted = [f"'gallery {item}'" for item in dict.fromkeys(known[item] for item in close)]
    if not quoted:
        return ""
    *others, last = quoted
    listed = f"{', '.join(others)} or {last}" if others else last
    return f"Did you mean {listed}?"

"""The access token of a server, as its holder gives it."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from gallery.client.keys.secrets import Secret
from gallery.errors import AccessDeniedError
from gallery.hints import Hint

_TOKEN: Final = re.compile(r"efg_[0-9a-f]{16}_[A-Za-z0-9_-]{43}")
_BEGINNING: Final = "efg_"
_QUOTES: Final = "\"'`´‘’‚“”„«»‹›"
_INVISIBLE: Final = frozenset({"Cf", "Cc", "Zs", "Zl", "Zp", "Cs"})


class AccessToken(Secret):
    """A token of a server, which must not be printed or stored by accident.

    Parameters
    ----------
    token
        The token, as it was printed; space and line ends around it do not count.

    Raises
    ------
    AccessDeniedError
        If it cannot be one; the message says what is wrong and does not hold it.
    """

    def __init__(self, token: str) -> None:
        self._token = token.strip(" \t\r\n")
        flaw = _flaw(self._token)
        if flaw is not None:
            raise AccessDeniedError(
                f"the token is not as it was printed: {flaw}", hint=Hint.TOKEN_ALONE
            )

    def reveal(self) -> str:
        """Return the token itself, to send it to its server and for nothing else."""
        return self._token


def _flaw(token: str) -> str | None:
    """Return in words what stands around or in a token that is none of it, or None."""
    if not token:
        return "it is empty"
    found = _TOKEN.search(token)
    rest = token if found is None else token[: found.start()] + token[found.end() :]
    for character in rest:
        if unicodedata.category(character) in _INVISIBLE and not character.isascii():
            name = unicodedata.name(character, "without a name").lower()
            return f"it holds an invisible character, U+{ord(character):04X} ({name})"
    if re.match(r"(?i)\W*bearer\b", token):
        return "the word Bearer stands before it"
    if any(character in _QUOTES for character in rest):
        return "it holds quotation marks"
    if re.search(r"[\r\n]", token):
        return "it has more than one line"
    if re.search(r"\s", token):
        return "it holds space"
    if not (token.isascii() and token.isprintable()):
        return "it holds characters that no token has"
    if found is None and token.startswith(_BEGINNING):
        return f"it has {len(token)} characters, or others than those of a token"
    return f"{len(rest)} other characters stand around it" if found and rest else None

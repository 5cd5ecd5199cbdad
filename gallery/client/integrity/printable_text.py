"""Printable text, such as labels: its normal form, and the characters that it may not hold."""

from __future__ import annotations

import unicodedata
from typing import Final

LONGEST: Final = 2**13
"""Characters of a text that is brought into its normal form, several times those of the longest one
that is kept. Of a run of combining marks that takes time with the square of its length, in which
nothing else of a process runs."""

_NO_TEXT = "Cs"
_CONTROLS = frozenset({"Cc", _NO_TEXT})
_INVISIBLE = frozenset({"Cf", "Zs"})
_DIRECTIONS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def normalize(text: str) -> str:
    """Return a text as it is stored: Unicode NFC, without space at the ends.

    One of more than `LONGEST` characters, which nobody keeps, stays as it is.
    """
    if len(text) > LONGEST and len(text := text.strip()) > LONGEST:
        return text
    return unicodedata.normalize("NFC", text).strip()


def is_text(text: str) -> bool:
    """Tell whether all of it is text: Python also holds bytes that are no UTF-8 in it (PEP 383)."""
    return not any(unicodedata.category(character) == _NO_TEXT for character in text)


def is_visible(text: str) -> bool:
    """Tell whether there is anything to see."""
    return any(unicodedata.category(character) not in _INVISIBLE for character in text)


def holds_controls(text: str) -> bool:
    """Tell whether a text holds what controls a terminal or the direction of text.

    With such characters one name can look like another.
    """
    return any(
        unicodedata.category(character) in _CONTROLS
        or unicodedata.bidirectional(character) in _DIRECTIONS
        for character in text
    )


def check_listed(names: object) -> None:
    """Refuse one text where names are to be listed (`TypeError`): each letter would be a name."""
    if isinstance(names, (str, bytes)):
        raise TypeError("names are given as a list, such as ['Ada Lovelace'], not as one text")

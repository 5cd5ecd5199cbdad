"""Text that is shown to people, such as labels: what it may be made of."""

from __future__ import annotations

import unicodedata

_CONTROLS = frozenset({"Cc", "Cs"})
_INVISIBLE = frozenset({"Cf", "Zs"})
_DIRECTIONS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def normalize(text: str) -> str:
    """Return a text as it is stored: Unicode NFC, without space at the ends."""
    return unicodedata.normalize("NFC", text).strip()


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

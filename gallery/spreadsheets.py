"""Fields of CSV that spreadsheets take for what they are: text, and no formula."""

from __future__ import annotations

from typing import Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Characters that formulas begin with, also in the wide forms of East Asian scripts."""


def with_apostrophe(text: str) -> str:
    """Return a field that no spreadsheet takes for a formula, whoever chose its text."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def without_apostrophe(text: str) -> str:
    """Return the text of a field that `with_apostrophe` made."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text

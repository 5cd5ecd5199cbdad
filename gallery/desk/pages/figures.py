"""Figures and messages as people read them on a page."""

from __future__ import annotations

import re
from typing import Any, Final

from jinja2 import pass_context
from jinja2.runtime import Context

from gallery.client.integrity.clock import in_utc
from gallery.client.searching.release import DECIMALS
from gallery.desk.identifying import LIMITED_DECIMALS

_PLAIN_START: Final = re.compile(r"[a-z]+ ")


def limit_text(value: float) -> str:
    """Return the limit of a match, with as many decimals as distances or with all it has."""
    text = f"{value:.{DECIMALS}f}"
    return text if float(text) == value else f"{value:g}"


@pass_context
def distance_text(context: Context, value: float | Any) -> str:
    """Return a distance; all on a page have the same decimals, and stand below each other.

    Holders who may only search are shown no more digits than they were given.
    """
    return f"{value:.{LIMITED_DECIMALS if context.get('is_limited') else DECIMALS}f}"


def moment_text(seconds: int) -> str:
    """Return a moment, in seconds since 1970 UTC, as a date and a time of day in UTC."""
    return in_utc(seconds).removesuffix("+00:00").replace("T", " ")


def sentence(message: str) -> str:
    """Return a message as a sentence of its own, where it is not a part of one."""
    text = str(message)
    if _PLAIN_START.match(text):
        text = text[0].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else text + "."

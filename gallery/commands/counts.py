"""Counts of things, as sentences have them."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number and what it counts: ``1 reference``, ``2,000 references``.

    Parameters
    ----------
    number
        How many.
    one, many
        What one is called, and several if they are not called so with an s.
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"

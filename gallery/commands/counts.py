"""Counts of things, worded for sentences."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number and what it counts: ``1 reference``, ``2,000 references``.

    Parameters
    ----------
    number
        The count.
    one, many
        The noun, and its plural if that is not the noun with an s.
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"

"""The choice of references and people by a pattern of labels."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Protocol, TypeVar

import click

from gallery.commands.paths import SomeWord


class _Labelled(Protocol):
    @property
    def label(self) -> str: ...


_L = TypeVar("_L", bound=_Labelled)

label_pattern_option = click.option(
    "--label",
    type=SomeWord(),
    metavar="PATTERN",
    help="Only this label, or if there is none, labels like it: * stands for anything, ? for one "
    "character, [ab] for one of these.",
)


def with_label_like(items: Iterable[_L], pattern: str | None) -> list[_L]:
    """Return those whose label is written like this, else all whose label is like it.

    The pattern is normalised as labels are. Without a pattern all are returned.
    """
    found = list(items)
    if pattern is None:
        return found
    wanted = normal_pattern(pattern)
    exact = [item for item in found if item.label == wanted]
    return exact or [item for item in found if fnmatchcase(item.label, wanted)]


def normal_pattern(pattern: str) -> str:
    """Return a pattern normalised as labels are."""
    return unicodedata.normalize("NFC", pattern).strip()

"""The report of references that were relabelled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gallery.commands.settings import Settings
from gallery.commands.terminal import print_json

if TYPE_CHECKING:
    from gallery.client import Reference


def report(settings: Settings, done: str, changed: Sequence[Reference], as_json: bool) -> None:
    """Report the number of changed references, and print them if asked to."""
    words = f", of {changed[0].label!r} now" if changed else ": the label was theirs already"
    settings.notice(f"{done} references: {len(changed):,}{words}")
    if as_json:
        for item in changed:
            record = {"label": item.label, "reference_id": item.reference_id}
            print_json(record)

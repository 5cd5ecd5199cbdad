"""The report of references that have another label now."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from gallery.commands.people import whom
from gallery.commands.settings import Settings

if TYPE_CHECKING:
    from gallery.client import Reference


def report(settings: Settings, done: str, changed: Sequence[Reference], as_json: bool) -> None:
    """Say what was done with how many references, and print them if asked to."""
    words = f" (now {whom(changed)})" if changed else ": the label was theirs already"
    settings.notice(f"{done} references: {len(changed):,}{words}")
    if as_json:
        for item in changed:
            record = {"label": item.label, "reference_id": item.reference_id}
            click.echo(json.dumps(record, ensure_ascii=False))

"""``gallery audit``: show what was done with the galleries of a server, and by whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from gallery.commands.dates import FORMS, parse_date, parse_span
from gallery.commands.deprecation import Former, renamed_option
from gallery.commands.options import database_options, json_option
from gallery.commands.output import result_table, results
from gallery.commands.settings import DatabaseSettings
from gallery.commands.terminal import print_json

if TYPE_CHECKING:
    from gallery.store import AuditEvent

_EPILOG = """
\b
Examples:
  gallery audit --since 24h
  gallery audit --since 2027-01-31 --gallery staff --json
"""

_ROWS = 500
"""Rows of one table; the columns of the next may have other widths."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def _since(_context: click.Context, _option: click.Parameter, text: str | None) -> int | None:
    """Return the beginning in microseconds since 1970 UTC, or None."""
    if text is None:
        return None
    span = parse_span(text)
    try:
        moment = parse_date(text) if span is None else datetime.now(UTC) - span
    except OverflowError:
        moment = _EPOCH
    if moment is None:
        raise click.BadParameter(f"give {FORMS}")
    return (moment - _EPOCH) // _MICROSECOND


@click.command("audit", epilog=_EPILOG)
@click.option("--since", metavar="WHEN", callback=_since, help=f"Only what came after: {FORMS}.")
@renamed_option(
    "--gallery",
    formerly=[Former("--gallery-name")],
    metavar="NAME",
    help="Only what was done to this gallery.",
)
@json_option("Print one JSON object an event and line.")
@database_options
def command(
    settings: DatabaseSettings, since: int | None, gallery: str | None, as_json: bool
) -> None:
    """Show the audit log of a server, the newest event last. No key is needed."""
    from gallery.store import AuditStore, open_database

    with open_database(settings.database) as database:
        records = map(_record, AuditStore(database).read(since, gallery))
        count = _print_lines(records) if as_json else _print_tables(records)
    settings.notice(f"{count} events")


def _record(event: AuditEvent) -> dict[str, Any]:
    return {
        "time": (_EPOCH + event.time * _MICROSECOND).isoformat(timespec="microseconds"),
        "action": str(event.action),
        "token": event.token_name,
        "token_id": event.token_id,
        "gallery": event.gallery,
        "gallery_id": None if event.gallery_id is None else event.gallery_id.hex(),
        "probes": event.probes,
        "blocks": event.blocks,
        "result": event.result,
        "request_id": event.request_id,
    }


def _print_lines(records: Iterable[dict[str, Any]]) -> int:
    count = 0
    for record in records:
        print_json(record)
        count += 1
    return count


def _print_tables(records: Iterator[dict[str, Any]]) -> int:
    """Print a table of a few hundred rows after the other, so that few are in memory at once."""
    console, count = results(), 0
    shown = ("time", "action", "token", "gallery", "probes", "blocks", "result", "request_id")
    while rows := list(islice(records, _ROWS)):
        table = result_table(*(name.replace("_", " ") for name in shown))
        for row in rows:
            table.add_row(*(Text("-" if row[name] is None else str(row[name])) for name in shown))
        console.print(table)
        count += len(rows)
    return count

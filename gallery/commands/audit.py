"""``gallery audit``: show, check and prune the audit log of a server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from gallery.commands.counts import counted
from gallery.commands.deprecation import Former, renamed_option
from gallery.commands.options import database_options, yes_option
from gallery.commands.output import print_table
from gallery.commands.prompts import confirm
from gallery.commands.records import TableFormat, print_records, table_options
from gallery.commands.settings import DatabaseSettings
from gallery.commands.terminal import print_json, print_result
from gallery.dates import FORMS, parse_date, parse_span
from gallery.errors import IntegrityError

if TYPE_CHECKING:
    from gallery.store import AuditCheck, AuditEvent, AuditStore

_EPILOG = """
\b
Examples:
  gallery audit --since 24h
  gallery audit --since 2027-01-31 --gallery staff --json
  gallery audit check
  gallery audit prune --older-than 90d
"""

_ROWS = 500
"""Rows of one table; the columns of the next may have other widths."""

_COLUMNS = (
    "time",
    "action",
    "token",
    "token_id",
    "gallery",
    "gallery_id",
    "probes",
    "blocks",
    "count",
    "result",
    "request_id",
)
_DIGEST_SIZE = 32
_ACTIONS = ("show", "check", "prune")
_OPTIONS_OF = {
    "since": ("show",),
    "gallery": ("show",),
    "head": ("check",),
    "older_than": ("prune",),
    "yes": ("prune",),
    "as_json": ("show", "check"),
    "as_csv": ("show",),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def _moment_of(_context: click.Context, _option: click.Parameter, text: str | None) -> int | None:
    """Return a moment in microseconds since 1970 UTC, or None."""
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


def _action(_context: click.Context, _argument: click.Parameter, text: str) -> str:
    if text not in _ACTIONS:
        raise click.BadParameter(f"{text!r} is not one of {', '.join(_ACTIONS)}")
    return text


def _digest(_context: click.Context, _option: click.Parameter, text: str | None) -> bytes | None:
    """Return a digest, or None."""
    if text is None:
        return None
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != _DIGEST_SIZE:
        raise click.BadParameter(f"a digest has {2 * _DIGEST_SIZE} hexadecimal digits")
    return found


@click.command("audit", epilog=_EPILOG)
@click.argument("action", metavar="[show|check|prune]", default="show", callback=_action)
@click.option(
    "--since", metavar="WHEN", callback=_moment_of, help=f"Show events after this time: {FORMS}."
)
@renamed_option(
    "--gallery",
    formerly=[Former("--gallery-name")],
    metavar="NAME",
    help="Show events of this gallery.",
)
@click.option(
    "--head",
    metavar="DIGEST",
    callback=_digest,
    help="Digest that an earlier check printed: check that its row is there, or was pruned.",
)
@click.option(
    "--older-than",
    metavar="WHEN",
    callback=_moment_of,
    help="Prune events before this time: the same forms as for --since.",
)
@yes_option
@table_options("event, or result of a check")
@database_options
def command(
    settings: DatabaseSettings,
    action: str,
    since: int | None,
    gallery: str | None,
    head: bytes | None,
    older_than: int | None,
    yes: bool,
    form: TableFormat | None,
) -> None:
    """Show, check or prune the audit log of a server. No key is needed.

    show prints the events, the newest last.

    check says whether rows are missing or were changed. Each row is chained to the one before it,
    so a row that was removed or changed shows as a gap. Rows at the end can be missing without one:
    note the printed digest elsewhere, and give it to the next check with --head.

    prune removes the oldest events. That is recorded, and the rest stays chained. On PostgreSQL it
    needs the user that owns the tables.
    """
    _check_options(action)
    from gallery.store import AuditStore, open_database

    with open_database(settings.database) as database:
        log = AuditStore(database)
        if action == "check":
            _check(settings, log.check(head), form is not None)
        elif action == "prune":
            _prune(settings, log, older_than, yes)
        else:
            records = map(_record, log.read(since, gallery))
            if form is None:
                count = _print_tables(records)
            else:
                count = print_records(form, _COLUMNS, records)
            settings.notice(counted(count, "event"))


def _check_options(action: str) -> None:
    """Refuse options of another action, which would not count."""
    context = click.get_current_context()
    for option, of in _OPTIONS_OF.items():
        given = context.get_parameter_source(option) is ParameterSource.COMMANDLINE
        if given and action not in of:
            shown = option.removeprefix("as_").replace("_", "-")
            raise click.UsageError(f"--{shown} is not for gallery audit {action}")


def _check(settings: DatabaseSettings, found: AuditCheck, as_json: bool) -> None:
    """Print what a check of the log has found."""
    if as_json:
        print_json(_check_record(found))
    else:
        print_result(found.head.hex())
    for gap in found.gaps:
        settings.notice(
            f"row {gap.event_id} of {_moment(gap.time)} does not follow on the one before it: it "
            "was changed, or rows before it were changed or removed"
        )
    if found.holds_noted is False:
        settings.notice("no row has the given digest: rows at the end of the log were removed")
    if not found.is_whole:
        raise IntegrityError("the audit log is not what the server wrote")
    settings.notice(
        f"{counted(found.rows, 'row')}, none missing or changed; pruned before: {found.pruned}"
    )


def _prune(settings: DatabaseSettings, log: AuditStore, before: int | None, yes: bool) -> None:
    if before is None:
        raise click.UsageError("say how old: gallery audit prune --older-than 90d")
    if not yes:
        confirm(f"Remove all events before {_moment(before)} from the audit log?")
    settings.notice(f"events removed: {log.prune(before)}")


def _check_record(found: AuditCheck) -> dict[str, Any]:
    return {
        "whole": found.is_whole,
        "rows": found.rows,
        "pruned": found.pruned,
        "head": found.head.hex(),
        "head_found": found.holds_noted,
        "gaps": [{"row": gap.event_id, "time": _moment(gap.time)} for gap in found.gaps],
    }


def _moment(microseconds: int) -> str:
    return (_EPOCH + microseconds * _MICROSECOND).isoformat(timespec="microseconds")


def _record(event: AuditEvent) -> dict[str, Any]:
    return {
        "time": _moment(event.time),
        "action": str(event.action),
        "token": event.token_name,
        "token_id": event.token_id,
        "gallery": event.gallery,
        "gallery_id": None if event.gallery_id is None else event.gallery_id.hex(),
        "probes": event.probes,
        "blocks": event.blocks,
        "count": event.count,
        "result": event.result,
        "request_id": event.request_id,
    }


def _print_tables(records: Iterator[dict[str, Any]]) -> int:
    """Print a table of a few hundred rows after the other, so that few are in memory at once."""
    count = 0
    shown = [name for name in _COLUMNS if name not in ("token_id", "gallery_id")]
    while rows := list(islice(records, _ROWS)):
        print_table(
            [name.replace("_", " ") for name in shown],
            (["-" if row[name] is None else str(row[name]) for name in shown] for row in rows),
        )
        count += len(rows)
    return count

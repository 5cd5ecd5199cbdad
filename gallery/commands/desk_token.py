"""``gallery desk-token``: programs and kiosks that may use a desk, and for what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource
from rich.text import Text

from gallery.commands.dates import iso
from gallery.commands.desk import token_file
from gallery.commands.options import common_options
from gallery.commands.output import result_table, results
from gallery.commands.settings import Settings
from gallery.commands.streams import OutputLostError
from gallery.commands.tables import TableFormat, print_records, table_options
from gallery.commands.terminal import print_result
from gallery.commands.token_expiry import expires_option

if TYPE_CHECKING:
    from gallery.desk.access.tokens import DeskToken

_EPILOG = """
\b
Examples:
  gallery desk-token create --name kiosk --scope identify --gallery visitors --expires 30d
  gallery desk-token list
  gallery desk-token revoke kiosk
"""


_COLUMNS = ("name", "token_id", "scope", "galleries", "created", "expires", "revoked")


@click.group("desk-token", epilog=_EPILOG)
def command() -> None:
    """Make, list and revoke the tokens of the owner's desk. They lie beside the key file."""


@command.command("create", epilog=_EPILOG)
@click.option("--name", required=True, help="What the token is called.")
@click.option(
    "--scope",
    type=click.Choice(["identify", "enroll", "manage"]),
    required=True,
    help="What it allows: to search and learn decisions alone; to enroll too; or everything.",
)
@click.option(
    "--also",
    "others",
    metavar="NAME",
    multiple=True,
    help="Another gallery that it may use; may be given several times.",
)
@expires_option
@common_options
def create(
    settings: Settings, name: str, scope: str, others: tuple[str, ...], expires: int | None
) -> None:
    """Make a token and print it. It is not stored and cannot be shown again.

    With --gallery, and --also for more, it is for these galleries alone; else for all of the desk.
    """
    from gallery.desk.access.scopes import DeskScope
    from gallery.desk.access.tokens import TokenFile

    source = click.get_current_context().get_parameter_source("gallery")
    chosen = bool(others) or source is not ParameterSource.DEFAULT
    galleries = (settings.gallery, *others) if chosen else ()
    tokens = TokenFile(token_file(settings))
    try:
        tokens.issue(name, DeskScope(scope), expires, galleries=galleries, deliver=print_result)
    except OutputLostError as error:
        raise OutputLostError(error.reason, "no token was made") from error
    settings.notice(
        f"token {name!r} made, for {', '.join(galleries) or 'all galleries'}, "
        + ("without end" if expires is None else f"until {iso(expires)}")
        + "; keep it now, it cannot be shown again"
    )


@command.command("list", epilog=_EPILOG)
@table_options("a token")
@common_options
def list_(settings: Settings, form: TableFormat | None) -> None:
    """List all tokens, without their secrets, also those that are expired or revoked."""
    from gallery.desk.access.tokens import TokenFile

    found = [_record(token) for token in TokenFile(token_file(settings)).all()]
    if form is not None:
        print_records(form, _COLUMNS, found)
        return
    table = result_table(
        "name", "identifier", "scope", "galleries", "created", "expires", "revoked"
    )
    for record in found:
        table.add_row(
            Text(record["name"]),
            record["token_id"],
            record["scope"],
            Text(", ".join(record["galleries"]) or "all"),
            record["created"],
            record["expires"] or "never",
            "yes" if record["revoked"] else "-",
        )
    if found:
        results().print(table)
    settings.notice(f"{len(found)} tokens")


def _record(token: DeskToken) -> dict[str, Any]:
    return {
        "name": token.name,
        "token_id": token.token_id,
        "scope": str(token.scope),
        "galleries": list(token.galleries),
        "created": iso(token.created),
        "expires": None if token.expires is None else iso(token.expires),
        "revoked": token.revoked,
    }


@command.command("revoke", epilog=_EPILOG)
@click.argument("name")
@common_options
def revoke(settings: Settings, name: str) -> None:
    """Revoke a token, by its name or identifier. A desk that runs refuses it at once."""
    from gallery.desk.access.tokens import TokenFile

    TokenFile(token_file(settings)).revoke(name)
    settings.notice(f"token {name!r} is revoked")

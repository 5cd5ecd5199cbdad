"""``gallery token``: make, list and revoke the tokens of a server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from gallery.commands.counts import counted
from gallery.commands.options import database_options
from gallery.commands.records import TableFormat, table_options
from gallery.commands.settings import DatabaseSettings
from gallery.commands.terminal import print_result
from gallery.commands.token_creation import delivery, expires_option, notice_of
from gallery.commands.token_lists import COLUMNS, print_tokens
from gallery.dates import iso

if TYPE_CHECKING:
    from gallery.store import StoredToken

_EPILOG = """
\b
Examples:
  gallery token create --name kiosk --scope search --gallery staff --expires 30d
  gallery token list
  gallery token revoke kiosk
"""


@click.group("token", epilog=_EPILOG)
def command() -> None:
    """Make, list and revoke the tokens of a server. No key is needed."""


@command.command("create", epilog=_EPILOG)
@click.option("--name", required=True, help="Name of the token, in lists and in the log.")
@click.option(
    "--scope",
    type=click.Choice(["search", "enroll", "admin"]),
    required=True,
    help="Rights of the token: to search; to enroll and remove too; or everything.",
)
@click.option(
    "--gallery",
    "galleries",
    metavar="NAME",
    multiple=True,
    help="Gallery that the token is for, also one to come; may be given several times. "
    "[default: every gallery of the database]",
)
@expires_option
@database_options
def create(
    settings: DatabaseSettings,
    name: str,
    scope: str,
    galleries: tuple[str, ...],
    expires: int | None,
) -> None:
    """Make a token and print it. It is not stored and cannot be shown again.

    The database is created if it is not there.
    """
    from gallery.server.gatekeeper import Scope, issue_token
    from gallery.store import TokenStore, open_database

    with delivery(), open_database(settings.database, create=True) as database:
        issue_token(
            TokenStore(database),
            name,
            Scope(scope),
            galleries=galleries or None,
            expires=expires,
            deliver=print_result,
        )
    settings.notice(notice_of(name, expires))


@command.command("list", epilog=_EPILOG)
@table_options("token")
@database_options
def list_(settings: DatabaseSettings, form: TableFormat | None) -> None:
    """List all tokens, without their secrets, also those that are expired or revoked."""
    from gallery.store import TokenStore, open_database

    with open_database(settings.database) as database:
        found = [_record(token) for token in TokenStore(database).all()]
    shown = [column for column in COLUMNS if column != "token_id"]  # a name is enough to revoke one
    print_tokens(found, form, shown=shown, everywhere="every")
    settings.notice(counted(len(found), "token"))


def _record(token: StoredToken) -> dict[str, Any]:
    return {
        "name": token.name,
        "token_id": token.token_id,
        "scope": str(token.scope),
        "galleries": None if token.galleries is None else sorted(token.galleries),
        "created": iso(token.created),
        "expires": None if token.expires is None else iso(token.expires),
        "revoked": None if token.revoked is None else iso(token.revoked),
    }


@command.command("revoke", epilog=_EPILOG)
@click.argument("name")
@database_options
def revoke(settings: DatabaseSettings, name: str) -> None:
    """Revoke a token for good. It stays in the list, and its name stays taken.

    A server that runs refuses it after two seconds at the latest.
    """
    from gallery.store import TokenStore, open_database

    with open_database(settings.database) as database:
        now = int(datetime.now(UTC).timestamp())
        done = TokenStore(database).revoke(name, now)
    settings.notice(f"token {name!r} is revoked" + ("" if done else " already"))

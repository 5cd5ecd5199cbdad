"""``gallery desk-token``: make, list and revoke the tokens of a desk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gallery.commands.counts import counted
from gallery.commands.desk import token_file
from gallery.commands.options import key_file_options
from gallery.commands.records import TableFormat, table_options
from gallery.commands.settings import KeyFileSettings
from gallery.commands.terminal import print_result
from gallery.commands.token_creation import delivery, expires_option, notice_of
from gallery.commands.token_lists import print_tokens
from gallery.dates import iso

if TYPE_CHECKING:
    from gallery.desk.access.tokens import DeskToken

_EPILOG = """
\b
Examples:
  gallery desk-token create --name kiosk --scope identify --gallery visitors --expires 30d
  gallery desk-token list
  gallery desk-token revoke kiosk
"""


@click.group("desk-token", epilog=_EPILOG)
def command() -> None:
    """Make, list and revoke the tokens of the owner's desk. They lie beside the key file."""


@command.command("create", epilog=_EPILOG)
@click.option("--name", required=True, help="Name of the token.")
@click.option(
    "--scope",
    type=click.Choice(["identify", "enroll", "manage"]),
    required=True,
    help="Rights of the token: to search and learn decisions alone; to enroll too; or everything.",
)
@click.option(
    "--gallery",
    "galleries",
    metavar="NAME",
    multiple=True,
    help="Gallery that the token is for; may be given several times. [default: all of the desk]",
)
@expires_option
@key_file_options
def create(
    settings: KeyFileSettings,
    name: str,
    scope: str,
    galleries: tuple[str, ...],
    expires: int | None,
) -> None:
    """Make a token and print it. It is not stored and cannot be shown again."""
    from gallery.desk.access.scopes import DeskScope
    from gallery.desk.access.tokens import TokenFile

    tokens = TokenFile(token_file(settings.key))
    with delivery():
        tokens.issue(name, DeskScope(scope), expires, galleries=galleries, deliver=print_result)
    settings.notice(notice_of(name, expires, f"for {', '.join(galleries) or 'all galleries'}"))


@command.command("list", epilog=_EPILOG)
@table_options("token")
@key_file_options
def list_(settings: KeyFileSettings, form: TableFormat | None) -> None:
    """List all tokens, without their secrets, also those that are expired or revoked."""
    from gallery.desk.access.tokens import TokenFile

    found = [_record(token) for token in TokenFile(token_file(settings.key)).all()]
    print_tokens(found, form, everywhere="all")
    settings.notice(counted(len(found), "token"))


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
@key_file_options
def revoke(settings: KeyFileSettings, name: str) -> None:
    """Revoke a token, by its name or identifier. A desk that runs refuses it at once."""
    from gallery.desk.access.tokens import TokenFile

    TokenFile(token_file(settings.key)).revoke(name)
    settings.notice(f"token {name!r} is revoked")

"""Options that name a server in place of a database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from gallery.commands.environment import TOKEN_VARIABLE, secret_variable
from gallery.commands.paths import NamedPath, SomeWord, read_word
from gallery.errors import AccessDeniedError, SourceError
from gallery.url_masking import masked_url

if TYPE_CHECKING:
    from gallery.client.transport import RemoteService

SERVER_OPTIONS = (
    click.option(
        "--server",
        type=SomeWord(),
        metavar="URL",
        envvar="GALLERY_SERVER",
        help="Server to use in place of a database, such as https://faces.example.org. "
        "[env: GALLERY_SERVER]",
    ),
    click.option(
        "--token-file",
        type=NamedPath(dir_okay=False, path_type=Path),
        help="File with the token for the server. [env: GALLERY_TOKEN holds the token itself]",
    ),
    click.option(
        "--server-ca",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        envvar="GALLERY_SERVER_CA",
        show_default="those of the system",
        help="PEM file of certificates to trust for the server. [env: GALLERY_SERVER_CA]",
    ),
    click.option(
        "--plain-http",
        is_flag=True,
        help="Allow plain HTTP to a server on another machine: others on the way can read the "
        "token, and who searches.",
    ),
)


@dataclass(frozen=True)
class ServerAddress:
    """A server and how to reach it."""

    url: str
    token_file: Path | None
    authorities: Path | None
    plain_http: bool

    @contextmanager
    def open(self, waiting: Callable[[str], None]) -> Iterator[RemoteService]:
        """Give the service that the server offers; ``waiting`` as for a `RemoteService`."""
        from gallery.client.transport import AccessToken, RemoteService

        service = RemoteService(
            self.url,
            AccessToken(self._token()),
            authorities=self.authorities,
            plain_http=self.plain_http,
            waiting=waiting,
        )
        try:
            yield service
        finally:
            service.close()

    def _token(self) -> str:
        if self.token_file is not None:
            try:
                token = read_word(self.token_file).decode("utf-8")
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
                raise SourceError(
                    f"cannot read the token file {self.token_file}: {reason}"
                ) from error
        else:
            token = secret_variable(TOKEN_VARIABLE) or ""
        if not token.strip():
            raise AccessDeniedError(
                f"a token is needed for the server {masked_url(self.url)}: put it into "
                f"{TOKEN_VARIABLE}, or name a file that holds it with --token-file"
            )
        return token


def chosen_server(
    url: str | None, token_file: Path | None, authorities: Path | None, plain_http: bool
) -> ServerAddress | None:
    """Return the server that the options name, or None if a database is meant.

    The command line comes before the environment; a server and a database at once are a mistake.
    """
    if not url:
        return None
    context = click.get_current_context()
    spoken = ParameterSource.COMMANDLINE
    database = context.get_parameter_source("database") is spoken
    if database and context.get_parameter_source("server") is spoken:
        raise click.UsageError("give --server or --database, not both")
    return None if database else ServerAddress(url, token_file, authorities, plain_http)

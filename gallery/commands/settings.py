"""Options that every command takes, and what they open."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from gallery.commands.output import progress_bar
from gallery.commands.server_options import SERVER_OPTIONS, ServerAddress, chosen_server
from gallery.errors import PassphraseRequiredError, SourceError

if TYPE_CHECKING:
    from gallery.client import GalleryClient, GalleryKey, StateFile
    from gallery.protocol import GalleryService

PASSPHRASE_VARIABLE = "GALLERY_PASSPHRASE"
NEW_PASSPHRASE_VARIABLE = "GALLERY_NEW_PASSPHRASE"


def default_key_file() -> Path:
    """Return where the key file is if nothing else is said: in the user's data folder."""
    import platformdirs

    return (
        Path(platformdirs.user_data_path("encrypted-face-gallery", appauthor=False)) / "gallery.key"
    )


@dataclass(frozen=True)
class DatabaseSettings:
    """The options of one run of a command that works on a database and needs no key."""

    database: str
    quiet: bool
    verbose: bool

    @property
    def notices(self) -> Console:
        """Where notices, tables of failures and progress go: standard error."""
        return Console(stderr=True, quiet=self.quiet, highlight=False, soft_wrap=True)

    def notice(self, text: str) -> None:
        """Say something that is not a result."""
        self.notices.print(text, markup=False)

    def detail(self, text: str) -> None:
        """Say something that only ``--verbose`` asks for."""
        if self.verbose:
            self.notice(text)


@dataclass(frozen=True)
class Settings(DatabaseSettings):
    """The common options of one run of a command."""

    key: Path
    passphrase_file: Path | None
    gallery: str
    evaluator: str
    memory: Path | None
    engine: str = "native"
    server: ServerAddress | None = None
    passphrase_variable: str = PASSPHRASE_VARIABLE

    def open_key(self) -> GalleryKey:
        """Open the key file, asking for its passphrase if it has one and none was given."""
        from gallery.client import read_key_file

        key = read_key_file(self.key, self.key_passphrase())
        self.detail(f"key {key.key_id.hex()} from {self.key}")
        return key

    def key_passphrase(self) -> str | None:
        """Return the key file's passphrase, or None if it has none or nobody can be asked."""
        from gallery.client import is_protected

        passphrase = given_passphrase(self) if is_protected(self.key) else None
        if passphrase is None and is_protected(self.key) and sys.stdin.isatty():
            passphrase = click.prompt(f"Passphrase of {self.key}", hide_input=True, err=True)
        return passphrase

    def open_memory(self) -> StateFile:
        """Return what remembers the newest states of the key's galleries."""
        from gallery.client import StateFile

        return StateFile(self.memory or self.key.with_name(self.key.name + ".seen"))

    def with_new(self, key: Path, passphrase_file: Path | None) -> Settings:
        """Return the same settings for a new key file, or a new passphrase."""
        return replace(
            self,
            key=key,
            passphrase_file=passphrase_file,
            passphrase_variable=NEW_PASSPHRASE_VARIABLE,
        )

    @property
    def place(self) -> str:
        """Where the galleries are, as notices say it."""
        return self.server.url if self.server else self.database

    @contextmanager
    def open_service(self, *, create: bool = False, keep: int = 0) -> Iterator[GalleryService]:
        """Open the database, or a connection to the server; ``keep`` as of `open_client`."""
        if self.server is not None:
            with self.server.open() as remote:
                yield remote
            return
        from gallery.server import open_service

        with open_service(
            self.database, create=create, evaluator=self.evaluator, memory=keep
        ) as service:
            yield service

    @contextmanager
    def open_client(self, *, keep: int = 0) -> Iterator[GalleryClient]:
        """Open the key file, the database, and the gallery.

        ``keep`` is how many bytes of blocks stay in memory from one search to the next.
        """
        from gallery.client import GalleryClient

        with self.open_service(keep=keep) as service:
            key, memory = self.open_key(), self.open_memory()
            with GalleryClient(
                service, key, self.gallery, memory=memory, engine=self.engine
            ) as client:
                yield client

    @contextmanager
    def progress(self, text: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a progress bar with rate and time left; give what advances it."""
        with progress_bar(self.notices, text, total) as advance:
            yield advance


def confirm(question: str) -> None:
    """Ask before something that cannot be undone; without a terminal ``--yes`` is needed."""
    if not sys.stdin.isatty():
        raise click.UsageError("this cannot be undone and there is nobody to ask: say --yes")
    click.confirm(question, abort=True, err=True)


def given_passphrase(settings: Settings) -> str | None:
    """Return the passphrase from the file or the environment, or None if neither is given.

    Raises
    ------
    SourceError
        If the file cannot be read.
    PassphraseRequiredError
        If what is given is empty.
    """
    if settings.passphrase_file is not None:
        try:
            text = settings.passphrase_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            raise SourceError(
                f"cannot read the passphrase file {settings.passphrase_file}: {reason}"
            ) from error
        passphrase = text.removesuffix("\n").removesuffix("\r")
    elif settings.passphrase_variable in os.environ:
        passphrase = os.environ[settings.passphrase_variable]
    else:
        return None
    if not passphrase:
        raise PassphraseRequiredError("the passphrase is empty; give one of at least one character")
    return passphrase


new_passphrase_option = click.option(
    "--new-passphrase-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the new passphrase. [env: GALLERY_NEW_PASSPHRASE holds the passphrase itself]",
)


_DATABASE = click.option(
    "--database",
    metavar="URL",
    envvar="GALLERY_DATABASE",
    default="sqlite:///gallery.db",
    show_default=True,
    help="Database, as SQLAlchemy names it. [env: GALLERY_DATABASE]",
)
_QUIET = click.option("--quiet", is_flag=True, help="Say nothing but results and errors.")
_VERBOSE = click.option("--verbose", is_flag=True, help="Say more about what is done.")

_COMMON = (
    click.option(
        "--key",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="GALLERY_KEY",
        default=default_key_file,
        show_default="in the user's data folder",
        help="Key file. [env: GALLERY_KEY]",
    ),
    _DATABASE,
    *SERVER_OPTIONS,
    click.option(
        "--passphrase-file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="File with the passphrase. [env: GALLERY_PASSPHRASE holds the passphrase itself]",
    ),
    click.option(
        "--gallery", metavar="NAME", default="default", show_default=True, help="Gallery."
    ),
    click.option(
        "--evaluator",
        type=click.Choice(["kernel", "reference"]),
        envvar="GALLERY_EVALUATOR",
        default="kernel",
        show_default=True,
        help="What compares: the fast kernel, or SEAL's own evaluator, with the same results. "
        "[env: GALLERY_EVALUATOR]",
    ),
    click.option(
        "--memory",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="GALLERY_MEMORY",
        show_default="beside the key file",
        help="File that remembers the newest state seen of each gallery, so that an older one put "
        "back is noticed. [env: GALLERY_MEMORY]",
    ),
    click.option(
        "--engine",
        type=click.Choice(["native", "tenseal"]),
        envvar="GALLERY_ENGINE",
        default="native",
        show_default=True,
        help="What encrypts and decrypts: the fast engine, or SEAL itself, with the same "
        "ciphertexts. [env: GALLERY_ENGINE]",
    ),
    _QUIET,
    _VERBOSE,
)


def common_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that every command takes; the command gets them as one `Settings`."""

    @wraps(function)
    def collect(
        key: Path,
        database: str,
        server: str | None,
        token_file: Path | None,
        server_ca: Path | None,
        plain_http: bool,
        passphrase_file: Path | None,
        gallery: str,
        evaluator: str,
        memory: Path | None,
        engine: str,
        quiet: bool,
        verbose: bool,
        **rest: Any,
    ) -> Any:
        settings = Settings(
            database,
            quiet,
            verbose,
            key,
            passphrase_file,
            gallery,
            evaluator,
            memory,
            engine,
            chosen_server(server, token_file, server_ca, plain_http),
        )
        return function(settings, **rest)

    return _with_options(_COMMON, collect)


def database_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of commands without a key; the command gets them as `DatabaseSettings`."""

    @wraps(function)
    def collect(database: str, quiet: bool, verbose: bool, **rest: Any) -> Any:
        return function(DatabaseSettings(database, quiet, verbose), **rest)

    return _with_options((_DATABASE, _QUIET, _VERBOSE), collect)


def _with_options(
    options: Sequence[Callable[..., Any]], command: Callable[..., Any]
) -> Callable[..., Any]:
    for option in reversed(options):
        command = option(command)
    return command

"""The common options of one run of a command, and the key, service and gallery that they open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console

from gallery.commands.cache_options import find_cache
from gallery.commands.environment import (
    NEW_PASSPHRASE_VARIABLE,
    PASSPHRASE_VARIABLE,
    secret_variable,
)
from gallery.commands.output import notices, progress_bar
from gallery.commands.photo_processes import chosen_jobs
from gallery.commands.prompts import given_passphrase, with_passphrase
from gallery.commands.server_options import ServerAddress
from gallery.commands.terminal import say
from gallery.commands.trust_weights import trusted_weights
from gallery.url_masking import masked_url

if TYPE_CHECKING:
    from gallery.client import CacheFolder, EmbeddingCache, GalleryClient, GalleryKey, StateFile
    from gallery.client.progress import Progress
    from gallery.protocol import GalleryService

T = TypeVar("T")

KEPT_FOR_PROBES = 512 * 1024 * 1024
"""Bytes of blocks that a command with several probes keeps in memory, so that not every request
reads them from the database: those of 160,000 references with ``standard`` and 128 values."""


@dataclass(frozen=True)
class DatabaseSettings:
    """The options of one run of a command that works on a database and needs no key."""

    database: str
    quiet: bool
    verbose: bool

    @property
    def place(self) -> str:
        """The place of the galleries, as notices say it: without a password."""
        return masked_url(self.database)

    @property
    def notices(self) -> Console:
        """The console of notices and progress: standard error."""
        return notices(quiet=self.quiet)

    def notice(self, text: str) -> None:
        """Say something that is not a result."""
        self.notices.print(text)

    def detail(self, text: str) -> None:
        """Say something that only ``--verbose`` asks for."""
        if self.verbose:
            self.notice(text)


@dataclass(frozen=True)
class KeyFileSettings:
    """The options of one run of a command that needs nothing but the key file's place."""

    key: Path
    quiet: bool

    def notice(self, text: str) -> None:
        """Say something that is not a result."""
        if not self.quiet:
            say(text)


@dataclass(frozen=True)
class ServiceSettings(DatabaseSettings):
    """The options of one run of a command that asks a service, and needs no key."""

    server: ServerAddress | None
    backend: str

    @property
    def place(self) -> str:
        """The place of the galleries, as notices say it: without a password."""
        return masked_url(self.server.url) if self.server else super().place

    @contextmanager
    def open_service(
        self, *, create: bool = False, cache_size: int = 0
    ) -> Iterator[GalleryService]:
        """Open the database, or a connection to the server.

        ``cache_size`` is as for `Settings.open_client`; a server has its own.
        """
        if self.server is not None:
            with self.server.open(self.notice) as remote:
                yield remote
            return
        from gallery.server import open_service

        with open_service(
            self.database, create=create, backend=self.backend, cache_size=cache_size
        ) as service:
            yield service


@dataclass(frozen=True)
class Settings(ServiceSettings):
    """The common options of one run of a command."""

    key: Path
    passphrase_file: Path | None
    gallery: str
    state_file: Path | None = None
    passphrase_variable: str = PASSPHRASE_VARIABLE

    def open_key(self) -> GalleryKey:
        """Open the key file, asking for its passphrase if it has one and none was given."""
        from gallery.client import read_key_file

        key = self.with_passphrase(lambda passphrase: read_key_file(self.key, passphrase))
        self.detail(f"key {key.key_id.hex()} from {self.key}")
        return key

    @property
    def has_passphrase(self) -> bool:
        """Whether the passphrase is given by a file or the environment."""
        if self.passphrase_file is not None:
            return True
        return secret_variable(self.passphrase_variable) is not None

    def with_passphrase(self, use: Callable[[Callable[[], str | None]], T]) -> T:
        """Return the result of ``use``, which is called with a source of the key's passphrase."""

        def given() -> str | None:
            return given_passphrase(self.passphrase_file, self.passphrase_variable)

        return with_passphrase(given, f"Passphrase of {self.key}", use)

    def open_states(self) -> StateFile:
        """Return the newest states seen of the key's galleries."""
        from gallery.client import StateFile

        return StateFile(self.state_file or self.key.with_name(self.key.name + ".seen"))

    def open_cache(self) -> CacheFolder | None:
        """Return the cache of galleries, or None where nothing is kept."""
        return find_cache(self.detail)

    def open_embeddings(self) -> EmbeddingCache | None:
        """Return the key's cache of embeddings, or None where nothing is kept."""
        cache = self.open_cache()
        if cache is None:
            return None
        from gallery.client import EmbeddingCache

        return EmbeddingCache(cache, self.open_key())

    @property
    def ledgers(self) -> Path:
        """The folder that remembers what came from which folder of photos: beside the states."""
        states = self.state_file or self.key.with_name(self.key.name + ".seen")
        return states.with_name(states.name + ".folders")

    def with_new(self, key: Path, passphrase_file: Path | None) -> Settings:
        """Return the same settings for a new key file, or a new passphrase."""
        return replace(
            self,
            key=key,
            passphrase_file=passphrase_file,
            passphrase_variable=NEW_PASSPHRASE_VARIABLE,
        )

    @contextmanager
    def open_client(
        self, *, cache_size: int = 0, max_age: timedelta | None = None
    ) -> Iterator[GalleryClient]:
        """Open the key file, the database, and the gallery.

        ``cache_size`` is how many bytes of blocks are kept from one search to the next, and
        ``max_age`` how long ago the gallery's state may have been signed.
        """
        from gallery.client import GalleryClient

        with self.open_service(cache_size=cache_size) as service:
            key, states = self.open_key(), self.open_states()
            with GalleryClient(
                service,
                key,
                self.gallery,
                states=states,
                backend=self.backend,
                trusted_weights=trusted_weights(),
                warn=lambda text: self.notice(f"warning: {text}"),
                max_age=max_age,
                cache=self.open_cache(),
                jobs=chosen_jobs(),
            ) as client:
                yield client

    def progress(self, text: str, total: int | None) -> AbstractContextManager[Progress]:
        """Show a progress bar with rate and time left; give what advances it."""
        return progress_bar(self.notices, text, total)

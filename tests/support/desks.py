"""Desks for tests: the application over a database of its own, and browsers of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

import tests.support.logs  # noqa: F401 (configures them)
from gallery.client import GalleryClient, GalleryKey, write_key_file
from gallery.client.keys.keyfile import read_key_file
from gallery.client.keys.keyfile_format import Argon2Parameters
from gallery.commands.desk_evaluation import evaluation_of
from gallery.desk.access.rate_limits import SearchRates
from gallery.desk.access.scopes import DeskScope
from gallery.desk.access.sessions import Sessions
from gallery.desk.access.tokens import TokenFile
from gallery.desk.config import DeskConfig
from gallery.desk.decisions.log import DecisionLog
from gallery.desk.decoding import PhotoDecoder
from gallery.desk.owner import Owner
from gallery.desk.photo_faces import FaceReader
from gallery.desk.state import DeskState
from gallery.desk.thumbnails import ThumbnailFolder
from gallery.desk.web_server import make_server
from gallery.protocol import GalleryService
from gallery.web.listener import listening

PASSPHRASE = "a passphrase of tests"
FAST = Argon2Parameters(8192, 1, 1)

_WARMING = {"desk warming", "desk looking"}
"""Names of the threads in which a desk works of its own accord."""


@dataclass
class Clock:
    """Seconds that a test moves on."""

    now: float = 1000.0

    def __call__(self) -> float:
        """Return them."""
        return self.now


@dataclass
class Desk:
    """A desk of a test, and the programs and browsers that use it."""

    state: DeskState
    clock: Clock
    _programs: list[httpx.Client] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.state.config.port}"

    def program(self, scope: DeskScope | None = None) -> httpx.Client:
        """Return a program with a token of a scope, or without any."""
        client = httpx.Client(
            base_url=self.address, follow_redirects=True, trust_env=False, timeout=60
        )
        self._programs.append(client)
        if scope is not None:
            token = self.state.tokens.issue(f"{scope} {len(self.state.tokens.all())}", scope)
            client.headers["Authorization"] = f"Bearer {token}"
        return client

    def browser(self) -> httpx.Client:
        """Return the owner's browser, signed in, which sends its form token with each request."""
        client = self.program()
        secret = self.state.sessions.launch_secret
        assert client.get(f"/enter?secret={secret}").status_code == 200
        identifier = client.cookies[self.state.cookie]
        client.headers["X-Form-Token"] = self.state.sessions.form_token(identifier)
        return client

    def idle_until_locked(self) -> None:
        """Let time pass, without use, until the desk has locked itself.

        What it warms up at its start counts as use when it ends, and is waited for. The desk looks
        at its clock itself as well, so that it may have locked before it is told to.
        """
        deadline = time.monotonic() + 60
        while _WARMING & {thread.name for thread in threading.enumerate()}:
            assert time.monotonic() < deadline, "the desk is not warm after a minute"
            time.sleep(0.01)
        self.clock.now += self.state.config.idle_lock
        self.state.owner.lock_if_idle()
        assert self.state.owner.is_locked

    def close(self) -> None:
        """Close the connections of all programs."""
        for client in self._programs:
            client.close()


@contextmanager
def open_desk(
    service: GalleryService,
    key: GalleryKey,
    folder: Path,
    galleries: tuple[str, ...] = ("default",),
    config: DeskConfig | None = None,
    open_client: Callable[[GalleryKey, str], GalleryClient] | None = None,
    log: DecisionLog | None = None,
    thumbnails: ThumbnailFolder | None = None,
) -> Iterator[Desk]:
    """Give a desk, unlocked, whose key file lies in a folder."""
    clock, path = Clock(), folder / "desk.key"
    write_key_file(path, key, PASSPHRASE, FAST)
    with listening("127.0.0.1", 0) as listener:
        settings = replace(config or DeskConfig(), port=listener.getsockname()[1])
        owner = Owner(
            lambda passphrase: read_key_file(path, passphrase),
            open_client or (lambda opened, name: GalleryClient(service, opened, name)),
            galleries,
            idle_lock=settings.idle_lock,
            log=log,
            thumbnails=thumbnails,
            clock=clock,
        )
        state = DeskState(
            settings,
            owner,
            FaceReader(PhotoDecoder(settings.decode_seconds, settings.decode_memory)),
            Sessions(settings.session_seconds, clock),
            TokenFile(folder / "desk.key.desk-tokens"),
            SearchRates(settings.identify_rate),
            needs_passphrase=True,
            evaluate=evaluation_of("native"),
        )
        owner.unlock(PASSPHRASE)
        server = make_server(state)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        desk = Desk(state, clock)
        try:
            while not server.started:
                time.sleep(0.01)
            yield desk
        finally:
            desk.close()
            server.should_exit = True
            thread.join()

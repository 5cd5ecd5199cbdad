"""A real server on a free port of this machine, for tests that go over HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import tests.support.logs  # noqa: F401 (configures them)
from gallery.client.transport import AccessToken, RemoteService
from gallery.server.gatekeeper import Scope, issue_token
from gallery.server.http import ServerConfig
from gallery.server.http.state import ServerState
from gallery.server.http.uvicorn_server import make_server
from gallery.store import TokenStore, open_database
from gallery.web.connection_gate import ConnectionGate
from gallery.web.listener import listening
from gallery.web.tls import TlsFiles


@dataclass(frozen=True)
class Serving:
    """A server that runs, the database behind it, and what counts its connections."""

    url: str
    database: str
    state: ServerState
    gate: ConnectionGate | None = None

    def token(self, name: str, scope: Scope = Scope.ADMIN, *galleries: str) -> str:
        """Make a token; without galleries it is for all of them."""
        with open_database(self.database) as opened:
            return issue_token(TokenStore(opened), name, scope, galleries=galleries or None)

    @contextmanager
    def connected(
        self, name: str, scope: Scope = Scope.ADMIN, *galleries: str
    ) -> Iterator[RemoteService]:
        """Give a client's end of the server, with a new token."""
        service = RemoteService(self.url, AccessToken(self.token(name, scope, *galleries)))
        try:
            yield service
        finally:
            service.close()


@contextmanager
def serving(
    database: str,
    config: ServerConfig | None = None,
    *,
    tls: TlsFiles | None = None,
    port: int = 0,
) -> Iterator[Serving]:
    """Run a server on a database in a thread of this process; stop it at the end."""
    with (
        listening("127.0.0.1", port) as listener,
        make_server(database, config or ServerConfig(cache_size=64 * 2**20), tls=tls) as server,
    ):
        port = listener.getsockname()[1]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                time.sleep(0.005)
            app = server.config.app
            scheme = "http" if tls is None else "https"
            state = app.state.server  # type: ignore[union-attr]
            yield Serving(f"{scheme}://127.0.0.1:{port}", database, state, server.gate)
        finally:
            server.should_exit = True
            thread.join()

"""The uvicorn server: its listener, its configuration, its signals and its end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import numpy as np
import structlog
import uvicorn
from fastapi import FastAPI

from gallery.backends import Backend, find_backend
from gallery.ciphertexts.blocks import columns_shape
from gallery.errors import ServeError
from gallery.evaluator import Evaluator, make_evaluator
from gallery.hints import Hint
from gallery.parameters import COMPACT
from gallery.server.audit_log import AuditLog
from gallery.server.cluster import ClusterAddress
from gallery.server.gatekeeper import Gatekeeper
from gallery.server.http.allocator import configure_allocator
from gallery.server.http.app import make_app
from gallery.server.http.config import ServerConfig, TlsFiles
from gallery.server.http.connection_gate import (
    ConnectionGate,
    GatedListener,
    most_connections,
    raise_file_limit,
)
from gallery.server.http.connections import HEADER_SECONDS, TimeLimitedProtocol
from gallery.server.http.logs import configure_logging
from gallery.server.http.state import ServerState
from gallery.server.service import EmbeddedService, make_scanner
from gallery.store import AuditStore, GalleryStore, TokenStore, open_database

DATABASE_CONNECTIONS = 20
"""Connections to the database that are kept; as many again are made under load."""

STARTUP_FAILURE = 3
"""Exit code of uvicorn for an application that cannot begin."""

_log = structlog.get_logger("gallery.server")


def serve(
    database: str,
    host: str,
    port: int,
    config: ServerConfig,
    *,
    tls: TlsFiles | None = None,
    backend: str = Backend.NATIVE,
    cluster: ClusterAddress | None = None,
) -> None:
    """Serve the galleries of a database until a signal ends it.

    On SIGTERM or SIGINT the server takes no new request, finishes those in flight for as long as
    ``config.shutdown`` allows, and writes the rest of its audit log.

    Parameters
    ----------
    database
        SQLAlchemy's URL; created if it is an SQLite file that is not there.
    host, port
        Address to listen on; port 0 takes any that is free, and the log says which.
    config
        The limits.
    tls
        Certificate and key; without them the listener speaks plain HTTP.
    backend
        What compares, as for `gallery.server.open_service`.
    cluster
        A Dask cluster whose workers compute searches, each with ``config.cache_size``.

    Raises
    ------
    MissingDependencyError, ServerError
        If a cluster is given, and Dask is not installed or the cluster cannot be reached.
    ServeError
        If the address or the certificate cannot be used.
    DatabaseError, SchemaVersionError
        If the database cannot.
    """
    configure_logging()
    configure_allocator()
    raise_file_limit()
    with (
        listening(host, port) as listener,
        make_server(database, config, tls=tls, backend=backend, cluster=cluster) as server,
    ):
        at, on = listener.getsockname()[:2]
        _log.info("listening", host=at, port=on, tls=tls is not None, cache_size=config.cache_size)
        server.run(sockets=[listener])


@contextmanager
def make_server(
    database: str,
    config: ServerConfig,
    *,
    tls: TlsFiles | None = None,
    backend: str = Backend.NATIVE,
    cluster: ClusterAddress | None = None,
) -> Iterator[GracefulServer]:
    """Give a server on a database, ready to run on a socket; see `serve`."""
    with open_database(database, create=True, connections=DATABASE_CONNECTIONS) as opened:
        if find_backend(backend) is Backend.NATIVE:
            _load_kernel(make_evaluator(backend))
        store = GalleryStore(opened)
        scanner = make_scanner(database, store, backend, config.cache_size, cluster)
        service = EmbeddedService(store, scanner)

        def make_state() -> ServerState:
            gatekeeper = Gatekeeper(TokenStore(opened))
            return ServerState(service, gatekeeper, AuditLog(AuditStore(opened)), config)

        app = make_app(make_state)
        try:
            yield GracefulServer(_uvicorn_config(app, config, tls), app)
        finally:
            service.close()


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Give a socket that is bound to an address (`ServeError`)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol stated asyncio switches Nagle's algorithm off, which costs 40 ms a request.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host.strip("[]"), port))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "that is no name of a machine"
            raise ServeError(
                f"cannot listen on {host} port {port}: {reason}",
                hint=Hint.OTHER_ADDRESS,
            ) from error
        yield listener


def _load_kernel(evaluator: Evaluator) -> None:
    """Compile the kernel, or load it, so that the first search does not wait for it."""
    nothing = np.zeros(columns_shape(1, COMPACT), np.uint32)
    evaluator.distances_many(nothing, [nothing], COMPACT)


def _uvicorn_config(app: FastAPI, config: ServerConfig, tls: TlsFiles | None) -> uvicorn.Config:
    settings = uvicorn.Config(
        app,
        loop="asyncio",
        http=TimeLimitedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        # An address that a proxy states is not looked at: nothing here depends on it.
        proxy_headers=False,
        timeout_graceful_shutdown=round(config.shutdown),
        ssl_certfile=None if tls is None else tls.certificate,
        ssl_keyfile=None if tls is None else os.fspath(tls.key),
    )
    try:
        settings.load()
    except (OSError, ssl.SSLError) as error:
        assert tls is not None
        raise ServeError(
            f"the certificate {tls.certificate} and the key {tls.key} cannot be used: "
            f"{error.strerror or error}; give PEM files that belong together"
        ) from error
    if settings.ssl is not None:
        settings.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return settings


class GracefulServer(uvicorn.Server):
    """A server that reports itself not ready from the moment that it is told to stop."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app
        self.gate = ConnectionGate(most_connections())

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen on sockets whose connections are counted, and give TLS handshakes little time.

        It is uvicorn's own, which has no setting for either.
        """
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(STARTUP_FAILURE)
        context = self.config.ssl
        self.servers = [
            await asyncio.get_running_loop().create_server(
                self._connection,
                sock=GatedListener(listener, self.gate),
                ssl=context,
                backlog=self.config.backlog,
                ssl_handshake_timeout=None if context is None else HEADER_SECONDS,
            )
            for listener in sockets or []
        ]
        self.started = True

    def _connection(self) -> TimeLimitedProtocol:
        protocol = TimeLimitedProtocol(self.config, self.server_state, self.lifespan.state)
        protocol.gate = self.gate
        return protocol

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Refuse searches that wait for their turn, and let the others finish.

        Unlike uvicorn's own, this does not raise the signal again at the end, which would kill the
        process before its database is closed, and make a stop that was asked for look like a crash.
        """
        state: ServerState | None = getattr(self._app.state, "server", None)
        if state is not None:
            state.stopping = True
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

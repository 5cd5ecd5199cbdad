"""The HTTP server on a database: its parts, and its run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import structlog
from fastapi import FastAPI

from gallery.backends import Backend, find_backend
from gallery.ciphertexts.blocks import columns_shape
from gallery.evaluator import Evaluator, make_evaluator
from gallery.parameters import COMPACT
from gallery.server.audit_log import AuditLog
from gallery.server.cluster import ClusterAddress
from gallery.server.gatekeeper import Gatekeeper
from gallery.server.http.allocator import configure_allocator
from gallery.server.http.app import make_app
from gallery.server.http.config import ServerConfig
from gallery.server.http.state import ServerState
from gallery.server.service import EmbeddedService, make_scanner
from gallery.store import AuditStore, GalleryStore, TokenStore, open_database
from gallery.web.connection_gate import most_connections, raise_file_limit
from gallery.web.graceful_server import GracefulServer
from gallery.web.listener import listening, uvicorn_config
from gallery.web.logs import configure_logging
from gallery.web.tls import TlsFiles

DATABASE_CONNECTIONS = 20
"""Connections to the database that are kept; as many again are made under load."""

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
        Name of the backend that compares, as for `gallery.server.open_service`.
    cluster
        A Dask cluster whose workers compute searches, each with ``config.cache_size``.

    Raises
    ------
    MissingDependencyError, ServerError
        If a cluster is given, and Dask is not installed or the cluster cannot be reached.
    ServeError
        If the address or the certificate cannot be used.
    DatabaseError, SchemaVersionError
        If the database cannot be opened.
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
            described = uvicorn_config(app, tls, shutdown=config.shutdown)
            yield GracefulServer(
                described,
                config.pace,
                connections=most_connections(),
                stopping=lambda: _stop(app),
            )
        finally:
            service.close()


def _stop(app: FastAPI) -> None:
    """Refuse searches that wait for their turn."""
    state: ServerState | None = getattr(app.state, "server", None)
    if state is not None:
        state.stopping = True


def _load_kernel(evaluator: Evaluator) -> None:
    """Compile the kernel, or load it, so that the first search does not wait for it."""
    nothing = np.zeros(columns_shape(1, COMPACT), np.uint32)
    evaluator.distances_many(nothing, [nothing], COMPACT)

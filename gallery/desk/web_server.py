"""The web server of a desk: its listener, its certificate, its log and its end."""

from __future__ import annotations

import logging
import os
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import structlog
import uvicorn

from gallery.desk.access.rates import SearchRates
from gallery.desk.access.sessions import Sessions
from gallery.desk.access.tokens import TokenFile
from gallery.desk.accuracy.measuring import Evaluate
from gallery.desk.application import make_app
from gallery.desk.config import DeskConfig
from gallery.desk.connections import PunctualProtocol
from gallery.desk.decoding import PhotoDecoder
from gallery.desk.faces import FaceReader
from gallery.desk.owner import Owner
from gallery.desk.state import DeskState
from gallery.errors import ServeError
from gallery.hints import Hint

_KEEP_ALIVE_SECONDS = 30
_SHUTDOWN_SECONDS = 20
_ALL_ADDRESSES = ("0.0.0.0", "::")  # noqa: S104 - to name them, not to listen there


def run(
    owner: Owner,
    config: DeskConfig,
    tokens: Path,
    *,
    needs_passphrase: bool,
    ready: Callable[[str], None],
    evaluate: Evaluate | None = None,
    verbose: bool = False,
) -> None:
    """Serve the desk until a signal ends it.

    Parameters
    ----------
    owner
        The key and the galleries.
    config
        Settings; port 0 takes any that is free.
    tokens
        File of the API's tokens.
    needs_passphrase
        Whether the key file is sealed with one.
    ready
        Called with the address to open once the desk listens. It holds the secret of the session.
    evaluate
        What evaluates labelled sets, or None where that cannot be done here.
    verbose
        Whether each request is logged, and not only what fails.

    Raises
    ------
    ServeError
        If the address or the certificate cannot be used.
    """
    _configure_log(verbose)
    with listening(config.host, config.port) as listener:
        config = replace(config, port=listener.getsockname()[1])
        desk = DeskState(
            config,
            owner,
            FaceReader(PhotoDecoder(config.decode_seconds, config.decode_memory)),
            Sessions(config.session_seconds),
            TokenFile(tokens),
            SearchRates(config.identify_rate),
            needs_passphrase,
            evaluate,
        )
        server = DeskServer(server_settings(desk))
        ready(f"{address_of(config)}/enter?secret={desk.sessions.launch_secret}")
        server.run(sockets=[listener])


def address_of(config: DeskConfig) -> str:
    """Return the address to open on this machine; nobody can open one that stands for all."""
    host = config.host.strip("[]")
    if host in _ALL_ADDRESSES:
        host = config.names[0] if config.names else "localhost"
    host = f"[{host}]" if ":" in host else host
    return f"{config.scheme}://{host}:{config.port}"


class DeskServer(uvicorn.Server):
    """A server that ends by returning: uvicorn's own raises the signal again."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take signals for a request to end."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Give a socket that is bound to an address; port 0 takes any that is free (`ServeError`)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host.strip("[]"), port))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "that is no name of a machine"
            raise ServeError(
                f"cannot listen on {host} port {port}: {reason}", hint=Hint.OTHER_ADDRESS
            ) from error
        yield listener


def server_settings(desk: DeskState) -> uvicorn.Config:
    """Return how uvicorn serves a desk (`ServeError` if its certificate cannot be used)."""
    tls = desk.config.tls
    settings = uvicorn.Config(
        make_app(desk),
        loop="asyncio",
        http=PunctualProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=200,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
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


def _configure_log(verbose: bool) -> None:
    """Write the log of this process to standard error as lines of JSON."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.INFO if verbose else logging.WARNING
        ),
        cache_logger_on_first_use=False,
    )
    # What libraries say of requests could hold a query, and that a secret.
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)

"""The listener of a server: its socket, and the configuration of uvicorn."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from gallery.errors import ServeError
from gallery.hints import Hint
from gallery.web.connections import TimeLimitedProtocol
from gallery.web.tls import TlsFiles


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Give a socket that is bound to an address; port 0 takes any that is free (`ServeError`)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol stated asyncio switches Nagle's algorithm off, which costs 40 ms a request.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host.strip("[]"), port))
        except (OSError, TypeError, ValueError) as error:  # TypeError: bytes that are no text
            reason = getattr(error, "strerror", None) or "that is no name of a machine"
            if getattr(error, "errno", None) == errno.EADDRINUSE:
                reason += ", perhaps by one that was started before"
            raise ServeError(
                f"cannot listen on {host} port {port}: {reason}", hint=Hint.OTHER_ADDRESS
            ) from error
        yield listener


def uvicorn_config(
    application: Any, tls: TlsFiles | None, *, shutdown: float, keep_alive: int = 5
) -> uvicorn.Config:
    """Return uvicorn's configuration for an application.

    Parameters
    ----------
    application
        The ASGI application.
    tls
        Certificate and key; without them the listener speaks plain HTTP.
    shutdown
        Seconds that requests in flight have when the server stops.
    keep_alive
        Seconds that a connection without a request is kept.

    Raises
    ------
    ServeError
        If the certificate cannot be used.
    """
    if tls is not None:
        tls.check()
    config = uvicorn.Config(
        application,
        loop="asyncio",
        http=TimeLimitedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        # An address that a proxy states is not looked at: nothing here depends on it.
        proxy_headers=False,
        timeout_keep_alive=keep_alive,
        timeout_graceful_shutdown=round(shutdown),
        ssl_certfile=None if tls is None else tls.certificate,
        ssl_keyfile=None if tls is None else os.fspath(tls.key),
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        assert tls is not None
        raise ServeError(
            f"the certificate {tls.certificate} and the key {tls.key} cannot be used: "
            f"{error.strerror or error}; give PEM files that belong together"
        ) from error
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return config

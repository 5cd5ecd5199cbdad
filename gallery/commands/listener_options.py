"""Options of commands that listen: address, certificate, and the rate limit of a token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from gallery.commands.paths import SomeWord
from gallery.web.loopback import is_loopback
from gallery.web.tls import TlsFiles

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


@dataclass(frozen=True)
class ListenerAddress:
    """The address at which a command listens, and its certificate."""

    host: str
    port: int
    tls: TlsFiles | None

    @property
    def is_exposed(self) -> bool:
        """Whether other machines reach it, and nothing hides what they send."""
        return self.tls is None and not is_loopback(self.host)


def listener_options(port: int) -> _Decorator:
    """Return the options of a listener; the command gets them as ``listener``.

    Parameters
    ----------
    port
        The port where nothing else is said.
    """
    options = (
        click.option(
            "--host",
            type=SomeWord(),
            default="127.0.0.1",
            show_default=True,
            help="Address to listen on.",
        ),
        click.option(
            "--port",
            type=click.IntRange(0, 65535),
            default=port,
            show_default=True,
            help="Port; 0 takes any that is free.",
        ),
        click.option(
            "--tls-cert",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="Certificate chain, a PEM file.",
        ),
        click.option(
            "--tls-key",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="Key of the certificate, a PEM file.",
        ),
    )

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def collect(
            *arguments: Any,
            host: str,
            port: int,
            tls_cert: Path | None,
            tls_key: Path | None,
            **rest: Any,
        ) -> Any:
            if (tls_cert is None) != (tls_key is None):
                raise click.UsageError(
                    "--tls-cert and --tls-key belong together: give both or neither"
                )
            tls = TlsFiles(tls_cert, tls_key) if tls_cert and tls_key else None
            listener = ListenerAddress(host, port, tls)
            return function(*arguments, listener=listener, **rest)

        decorated: Callable[..., Any] = collect
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate


def rate_option(name: str, default: str, text: str) -> _Decorator:
    """Return an option for a rate, as the package `limits` writes them."""
    return click.option(
        name, metavar="RATE", default=default, show_default=True, callback=_check_rate, help=text
    )


def _check_rate(_context: click.Context, _option: click.Parameter, text: str) -> str:
    try:
        from limits import parse
    except ModuleNotFoundError:
        return text  # the command itself says what is not installed
    try:
        parse(text)
    except ValueError as error:
        raise click.BadParameter(
            "give a number and a time, like 60/minute or 100/second"
        ) from error
    return text

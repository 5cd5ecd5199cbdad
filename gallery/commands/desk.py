"""``gallery desk``: pages and an API on the machine that holds the key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gallery.commands.dates import parse_span
from gallery.commands.options import common_options
from gallery.commands.settings import Settings
from gallery.commands.terminal import print_result
from gallery.commands.weights import trust_weights_option, trusted_weights
from gallery.errors import MissingDependencyError

if TYPE_CHECKING:
    from gallery.desk import Owner

KEPT_BYTES = 2 * 1024**3
"""Blocks that an embedded database keeps in memory from one search to the next."""

_EPILOG = """
\b
Examples:
  gallery desk
  gallery desk --gallery staff --also visitors --idle-lock 5m
  gallery desk-token create --name kiosk --scope identify
  gallery desk --host 0.0.0.0 --tls-cert desk.pem --tls-key desk.key --name desk.example.org
"""


def _idle(_context: click.Context, _option: click.Parameter, text: str) -> float:
    span = parse_span(text)
    if span is None or not span:
        raise click.BadParameter("give a time like 90m, 12h or 1d")
    return span.total_seconds()


def _rate(_context: click.Context, _option: click.Parameter, text: str) -> str:
    from limits import parse

    try:
        parse(text)
    except ValueError as error:
        raise click.BadParameter("give a number and a time, like 60/minute") from error
    return text


def is_loopback(host: str) -> bool:
    """Tell whether an address reaches this machine only."""
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@click.command("desk", epilog=_EPILOG)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8480, show_default=True, help="Port."
)
@click.option(
    "--also",
    "others",
    metavar="NAME",
    multiple=True,
    help="Another gallery of the same key to serve; may be given several times.",
)
@click.option(
    "--name",
    "names",
    metavar="HOST",
    multiple=True,
    help="Name by which browsers call this machine, where others reach it; may be given several "
    "times.",
)
@click.option(
    "--tls-cert",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Certificate chain, a PEM file.",
)
@click.option(
    "--tls-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Key of the certificate, a PEM file.",
)
@click.option(
    "--idle-lock",
    metavar="TIME",
    default="15m",
    show_default=True,
    callback=_idle,
    help="How long the key stays open without a request, such as 5m or 2h.",
)
@click.option(
    "--identify-rate",
    metavar="RATE",
    default="60/minute",
    show_default=True,
    callback=_rate,
    help="Faces that one token that may not manage can search with.",
)
@click.option(
    "--ask-passphrase", is_flag=True, help="Ask for the passphrase here, not in the page."
)
@trust_weights_option
@common_options
def command(
    settings: Settings,
    host: str,
    port: int,
    others: tuple[str, ...],
    names: tuple[str, ...],
    tls_cert: Path | None,
    tls_key: Path | None,
    idle_lock: float,
    identify_rate: str,
    ask_passphrase: bool,
) -> None:
    """Serve pages and an API for galleries, on the machine that holds the key.

    The address that is printed signs a browser in; keep it to yourself. Others than this machine
    are served over TLS alone, and to holders of tokens, which gallery desk-token makes.
    """
    from gallery.client import is_protected

    try:
        from gallery.desk import DeskConfig, DeskTls, run
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"gallery desk needs the package {error.name}; install the desk's packages: "
            "pip install 'encrypted-face-gallery[desk,photos]'"
        ) from error
    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key belong together: give both or neither")
    tls = DeskTls(tls_cert, tls_key) if tls_cert and tls_key else None
    if tls is None and not is_loopback(host):
        raise click.UsageError(
            f"{host} can be reached by other machines: give --tls-cert and --tls-key, since others "
            "on the way could read photos and results"
        )
    config = DeskConfig(
        host=host, port=port, names=names, tls=tls, idle_lock=idle_lock, identify_rate=identify_rate
    )
    protected = is_protected(settings.key)
    with _owner(settings, (settings.gallery, *others), config.idle_lock) as owner:
        if ask_passphrase or not protected or settings.has_passphrase:
            settings.with_passphrase(lambda passphrase: owner.unlock(_called(passphrase)))
        else:
            settings.notice("the page asks for the key's passphrase")

        def ready(address: str) -> None:
            settings.notice("open this address in a browser, and end the desk with Ctrl-C:")
            print_result(address)

        run(
            owner,
            config,
            token_file(settings.key),
            needs_passphrase=protected,
            ready=ready,
            verbose=settings.verbose,
        )


def token_file(key: Path) -> Path:
    """Return where the tokens of the desk are: beside the key file."""
    return key.with_name(key.name + ".desk-tokens")


def _called(passphrase: Callable[[], str | None]) -> str | None:
    return passphrase()


@contextmanager
def _owner(settings: Settings, galleries: tuple[str, ...], idle_lock: float) -> Iterator[Owner]:
    """Give the owner of galleries in a database or on a server, which stays open."""
    from gallery.client import GalleryClient, GalleryKey, read_key_file
    from gallery.desk import Owner

    with settings.open_service(cache_size=KEPT_BYTES) as service:
        # Here, since threads have no context of the command line.
        states, trusted = settings.open_states(), trusted_weights(ask=False)
        cache = settings.open_cache()

        def open_key(passphrase: str | None) -> GalleryKey:
            return read_key_file(settings.key, passphrase)

        def open_client(key: GalleryKey, name: str) -> GalleryClient:
            return GalleryClient(
                service,
                key,
                name,
                states=states,
                backend=settings.backend,
                trusted_weights=trusted,
                warn=lambda text: settings.notice(f"warning: {text}"),
                cache=cache,
            )

        owner = Owner(open_key, open_client, galleries, idle_lock=idle_lock)
        try:
            yield owner
        finally:
            owner.lock()

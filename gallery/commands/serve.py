"""``gallery serve``: the keyless server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gallery.commands.deprecation import Former, renamed_option
from gallery.commands.listener_options import ListenerAddress, listener_options, rate_option
from gallery.commands.options import backend_option, database_options
from gallery.commands.paths import SomeWord
from gallery.commands.settings import DatabaseSettings
from gallery.errors import MissingDependencyError

if TYPE_CHECKING:
    from gallery.server import ClusterAddress

_EPILOG = """
\b
Examples:
  gallery token create --name kiosk --scope search
  gallery serve
  gallery serve --host 0.0.0.0 --tls-cert server.pem --tls-key server.key
  gallery serve --database postgresql+psycopg://owner@host/faces --cache-size 16GiB
  gallery serve --database postgresql+psycopg://owner@host/faces --cluster tcp://127.0.0.1:8786
"""

REQUEST_MEMORY = 16
"""Bytes of memory that requests may take, for each byte of the largest. A block of `standard` takes
up to twelve times its message while it is written, and a token may have half of the memory."""

_UNITS = {"": 1, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


def _size(_context: click.Context, _option: click.Parameter, text: str) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]IB)?", text.strip().upper())
    if found is None:
        raise click.BadParameter(f"{text!r} is not a size; give one like 512MiB or 4GiB")
    return int(float(found[1]) * _UNITS[found[2] or ""])


@click.command("serve", epilog=_EPILOG)
@listener_options(8470)
@renamed_option(
    "--cache-size",
    formerly=[Former("--memory")],
    metavar="SIZE",
    callback=_size,
    default="4GiB",
    show_default=True,
    help="Memory for blocks that are kept ready to scan; others are read for each search.",
)
@click.option(
    "--plain-http",
    is_flag=True,
    help="Allow plain HTTP on an address that other machines reach, because a reverse proxy in "
    "front speaks TLS.",
)
@click.option(
    "--max-request",
    metavar="SIZE",
    callback=_size,
    default="128MiB",
    show_default=True,
    help="Largest request. All requests together take at most 16 times as much memory, and those "
    "of one token half of that.",
)
@click.option(
    "--answer-memory",
    metavar="SIZE",
    callback=_size,
    default="1GiB",
    show_default=True,
    help="Memory for answers that clients have not read yet; those of one token get half of it.",
)
@click.option(
    "--max-searches",
    type=click.IntRange(1, 1000),
    default=64,
    show_default=True,
    help="Searches at a time, at most half of them of one token; others wait.",
)
@rate_option("--rate", "6000/minute", "Requests that one token may make.")
@backend_option("compares")
@click.option(
    "--cluster",
    type=SomeWord(),
    metavar="ADDRESS",
    help="Scheduler of a Dask cluster whose workers compare, such as tcp://127.0.0.1:8786. They "
    "open the database by the same URL, and --cache-size is then for each of them.",
)
@click.option(
    "--cluster-ca",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM file of certificates to trust in a cluster at tls://.",
)
@click.option(
    "--cluster-cert",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Certificate to show to the cluster, a PEM file.",
)
@click.option(
    "--cluster-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Key of that certificate, a PEM file.",
)
@click.option(
    "--plain-cluster",
    is_flag=True,
    help="Allow a cluster at tcp:// with other machines: whoever reaches the network between them "
    "can run programs on all of them.",
)
@database_options
def command(
    settings: DatabaseSettings,
    listener: ListenerAddress,
    cache_size: int,
    plain_http: bool,
    max_request: int,
    answer_memory: int,
    max_searches: int,
    rate: str,
    backend: str,
    cluster: str | None,
    cluster_ca: Path | None,
    cluster_cert: Path | None,
    cluster_key: Path | None,
    plain_cluster: bool,
) -> None:
    """Serve a database to key owners on other machines, until a signal ends it.

    The server holds no key and sees ciphertexts only. It serves the holders of tokens, which
    gallery token makes. Logs are lines of JSON on standard error.
    """
    try:
        from gallery.server import http
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    if listener.is_exposed and not plain_http:
        raise click.UsageError(
            f"{listener.host} can be reached by other machines, and without a certificate others "
            "on the way can read tokens: give --tls-cert and --tls-key, or say --plain-http if a "
            "reverse proxy speaks TLS"
        )
    config = http.ServerConfig(
        cache_size=cache_size,
        max_request=max_request,
        request_bytes=REQUEST_MEMORY * max_request,
        answer_bytes=answer_memory,
        searches=max_searches,
        rate=rate,
    )
    workers = _cluster(cluster, cluster_ca, cluster_cert, cluster_key, plain_cluster)
    http.serve(
        settings.database,
        listener.host,
        listener.port,
        config,
        tls=listener.tls,
        backend=backend,
        cluster=workers,
    )


def _cluster(
    address: str | None,
    authorities: Path | None,
    certificate: Path | None,
    key: Path | None,
    plain: bool,
) -> ClusterAddress | None:
    from gallery.server import ClusterAddress

    files = [file for file in (authorities, certificate, key) if file is not None]
    if not address:
        if files or plain:
            raise click.UsageError(
                "--cluster-ca, --cluster-cert, --cluster-key and --plain-cluster need --cluster"
            )
        return None
    if len(files) != (3 if address.startswith("tls://") else 0):
        raise click.UsageError(
            "a cluster at tls:// needs --cluster-ca, --cluster-cert and --cluster-key, and one at "
            "tcp:// takes none of them"
        )
    return ClusterAddress(address, authorities, certificate, key, plain_tcp=plain)


def _missing(error: ModuleNotFoundError) -> MissingDependencyError:
    return MissingDependencyError(
        f"gallery serve needs the package {error.name}; install the server's packages: "
        "pip install 'encrypted-face-gallery[server]'"
    )

"""The web server of a desk: its parts, and its run."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

from gallery.desk.access.rate_limits import SearchRates
from gallery.desk.access.sessions import Sessions
from gallery.desk.access.tokens import TokenFile
from gallery.desk.application import make_app
from gallery.desk.beginning import Beginning
from gallery.desk.config import DeskConfig
from gallery.desk.decoding import PhotoDecoder
from gallery.desk.measuring import Evaluate
from gallery.desk.owner import Owner
from gallery.desk.photo_faces import FaceReader
from gallery.desk.state import DeskState
from gallery.web.connection_gate import most_connections, raise_file_limit
from gallery.web.graceful_server import GracefulServer
from gallery.web.listener import listening, uvicorn_config
from gallery.web.logs import configure_logging

_KEEP_ALIVE_SECONDS = 30
_ALL_ADDRESSES = ("0.0.0.0", "::")  # noqa: S104 - to name them, not to listen there


def run(
    owner: Owner,
    config: DeskConfig,
    tokens: Path,
    *,
    needs_passphrase: bool,
    ready: Callable[[str], None],
    evaluate: Evaluate | None = None,
    beginning: Beginning | None = None,
    verbose: bool = False,
) -> bool:
    """Serve the desk until a signal ends it; a second interrupt ends the process at once.

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
        Called with the address to open once the desk listens. It holds a secret that signs in as
        the owner, unless the settings say otherwise.
    evaluate
        The function that evaluates labelled sets, or None where that cannot be done here.
    beginning
        Makes the key file and the gallery, which are not there yet; None where they are.
    verbose
        Whether each request is logged, and not only what fails.

    Returns
    -------
    bool
        Whether all work has ended. If not, the galleries are still open, and threads at work would
        keep the process from ending.

    Raises
    ------
    ServeError
        If the address or the certificate cannot be used.
    """
    configure_logging(logging.INFO if verbose else logging.WARNING, quoting=False)
    # Texts of libraries about requests could hold a query, and that a secret.
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    raise_file_limit()
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
            beginning,
        )
        server = make_server(desk)
        entrance = "" if config.tokens_only else f"?secret={desk.sessions.launch_secret}"
        ready(f"{address_of(config)}/enter{entrance}")
        with _ended_by_hanging_up(server) as has_hung_up:
            server.run(sockets=[listener])
        if has_hung_up.is_set() and desk.closed.is_set():
            sys.exit(128 + signal.SIGHUP)
        return desk.closed.is_set()


@contextmanager
def _ended_by_hanging_up(server: GracefulServer) -> Iterator[threading.Event]:
    """Have the end of a terminal end a server in order, as an interrupt does; tell of it.

    An exception that is raised wherever the event loop happens to be can be lost.
    """
    has_hung_up = threading.Event()
    number = getattr(signal, "SIGHUP", None)
    is_main = threading.current_thread() is threading.main_thread()
    if number is None or not is_main or signal.getsignal(number) is signal.SIG_IGN:
        yield has_hung_up
        return

    def hang_up(sig: int, frame: FrameType | None) -> None:
        has_hung_up.set()
        server.handle_exit(sig, frame)

    before = signal.signal(number, hang_up)
    try:
        yield has_hung_up
    finally:
        signal.signal(number, before)


def address_of(config: DeskConfig) -> str:
    """Return the address to open on this machine; nobody can open one that stands for all."""
    host = config.host.strip("[]")
    if host in _ALL_ADDRESSES:
        host = config.names[0] if config.names else "localhost"
    host = f"[{host}]" if ":" in host else host
    return f"{config.scheme}://{host}:{config.port}"


def make_server(desk: DeskState) -> GracefulServer:
    """Return the server of a desk (`ServeError` if its certificate cannot be used)."""
    config = desk.config
    described = uvicorn_config(
        make_app(desk), config.tls, shutdown=config.shutdown, keep_alive=_KEEP_ALIVE_SECONDS
    )
    return GracefulServer(
        described,
        config.pace,
        connections=min(config.connections, most_connections()),
        stopping=desk.stopping.set,
        insisted=_end_at_once,
    )


def _end_at_once() -> None:
    """End this process as an interrupt does that nobody handles: threads may be at work for long.

    Writes that a database has committed stay, and all others are undone there.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.raise_signal(signal.SIGINT)

"""The end of ``gallery demo --desk``: the owner's desk on the demo's gallery."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from gallery.backends import Backend
from gallery.commands.desk import token_file
from gallery.commands.desk_evaluation import evaluation_of
from gallery.commands.main import EXIT_PARTIAL
from gallery.commands.streams import end_at_once
from gallery.commands.terminal import print_result
from gallery.commands.trust_weights import trusted_weights
from gallery.errors import MissingDependencyError

if TYPE_CHECKING:
    from gallery.demo.story import DemoGallery


def require_desk() -> None:
    """Check that the desk's packages are there, before anything else is done.

    Raises
    ------
    MissingDependencyError
        If one is missing.
    """
    try:
        import gallery.desk.web_server  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"the desk needs the package {error.name}; install the desk's packages: "
            "pip install 'encrypted-face-gallery[desk,photos]'"
        ) from error


def serve(demo: DemoGallery, console: Console) -> None:
    """Serve the desk, unlocked, on any free port of this machine until a signal ends it."""
    from gallery.client import read_key_file
    from gallery.desk.config import DeskConfig
    from gallery.desk.owner import Owner
    from gallery.desk.web_server import run

    config, trusted = DeskConfig(port=0), trusted_weights(ask=False)
    owner = Owner(
        lambda passphrase: read_key_file(demo.key_file, passphrase),
        lambda key, _: demo.open_again(key, trusted),
        (demo.name,),
        idle_lock=config.idle_lock,
    )
    owner.unlock(demo.passphrase)

    def ready(address: str) -> None:
        console.print(f"once it is locked, this passphrase opens it: {demo.passphrase}")
        console.print("open this address in a browser, and end the desk with Ctrl-C:")
        print_result(address)

    try:
        tokens = token_file(demo.key_file)
        has_ended = run(
            owner,
            config,
            tokens,
            needs_passphrase=True,
            ready=ready,
            evaluate=evaluation_of(Backend.NATIVE),
        )
        if not has_ended:
            end_at_once(EXIT_PARTIAL)  # threads are at work
    finally:
        owner.lock()

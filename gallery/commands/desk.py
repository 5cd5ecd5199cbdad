"""``gallery desk``: pages and an API on the machine that holds the key."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gallery.commands.desk_beginning import beginning_of, begins
from gallery.commands.desk_evaluation import evaluation_of
from gallery.commands.listener_options import ListenerAddress, listener_options, rate_option
from gallery.commands.main import EXIT_PARTIAL
from gallery.commands.options import common_options, max_age_option
from gallery.commands.settings import Settings
from gallery.commands.streams import OutputLostError, end_at_once
from gallery.commands.terminal import print_result
from gallery.commands.trust_weights import trust_weights_option, trusted_weights
from gallery.dates import parse_span
from gallery.errors import ErasurePendingError, MissingDependencyError, ServerError

if TYPE_CHECKING:
    from gallery.client import GalleryClient
    from gallery.desk.owner import Owner
    from gallery.protocol import GalleryService

KEPT_BYTES = 2 * 1024**3
"""Blocks that an embedded database keeps in memory from one search to the next."""

_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")

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


def _kept(_context: click.Context, _option: click.Parameter, text: str | None) -> float | None:
    """Return days."""
    if text is None:
        return None
    span = parse_span(text)
    if span is None or not timedelta(hours=1) <= span <= timedelta(days=3660):
        raise click.BadParameter("give a time like 12h, 90d, up to 3660d")
    return span / timedelta(days=1)


def _names(
    _context: click.Context, _option: click.Parameter, names: tuple[str, ...]
) -> tuple[str, ...]:
    """Check that names are such as a browser sends without a port."""
    for name in names:
        if not _HOST.fullmatch(name):
            raise click.BadParameter(
                f"{name!r} is not the name of a machine: give it without scheme, port and path, "
                "such as desk.example.org or [2001:db8::1]"
            )
    return names


@click.command("desk", epilog=_EPILOG)
@listener_options(8480)
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
    callback=_names,
    help="Name under which browsers on other machines reach this one; may be given several times.",
)
@click.option(
    "--idle-lock",
    metavar="TIME",
    default="15m",
    show_default=True,
    callback=_idle,
    help="Time for which the key stays open without a request, such as 5m or 2h.",
)
@rate_option(
    "--identify-rate",
    "60/minute",
    "Faces that one token that may not manage can search with.",
)
@click.option(
    "--sets",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with photos or embeddings of people, one folder or file a set, that the page can "
    "calibrate and evaluate with. [default: only what the browser sends]",
)
@click.option(
    "--keep-decisions",
    metavar="TIME",
    callback=_kept,
    help="Time for which a log of searches and decisions is kept, such as 90d, sealed beside the "
    "key file. [default: none is kept]",
)
@click.option(
    "--thumbnails",
    is_flag=True,
    help="Keep a small picture of each face that the desk enrolls, sealed beside the key file.",
)
@click.option(
    "--tokens-only",
    is_flag=True,
    help="Print an address that signs nobody in, for services whose output is kept in a log: "
    "browsers sign in with tokens.",
)
@max_age_option(
    "Refuse a state of a gallery that was signed longer ago than this; see gallery identify."
)
@click.option(
    "--ask-passphrase", is_flag=True, help="Ask for the passphrase here, not in the page."
)
@trust_weights_option
@common_options
def command(
    settings: Settings,
    listener: ListenerAddress,
    others: tuple[str, ...],
    names: tuple[str, ...],
    idle_lock: float,
    identify_rate: str,
    sets: Path | None,
    keep_decisions: float | None,
    thumbnails: bool,
    tokens_only: bool,
    max_age: timedelta | None,
    ask_passphrase: bool,
) -> None:
    """Serve pages and an API for galleries, on the machine that holds the key.

    The address that is printed signs a browser in; keep it to yourself. Where there is no gallery
    yet, and no option names one, its page makes a key file and a gallery for photos. Other machines
    are served over TLS alone, and only with tokens, which gallery desk-token makes.
    """
    from gallery.client import is_protected

    try:
        from gallery.desk.config import DeskConfig
        from gallery.desk.web_server import run
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"gallery desk needs the package {error.name}; install the desk's packages: "
            "pip install 'encrypted-face-gallery[desk,photos]'"
        ) from error
    if listener.is_exposed:
        raise click.UsageError(
            f"{listener.host} can be reached by other machines: give --tls-cert and --tls-key, "
            "since others on the way could read photos and results"
        )
    config = DeskConfig(
        host=listener.host,
        port=listener.port,
        names=names,
        tls=listener.tls,
        idle_lock=idle_lock,
        identify_rate=identify_rate,
        sets=sets,
        tokens_only=tokens_only,
    )
    is_new = not (tokens_only or ask_passphrase) and begins(settings)
    protected = True if is_new and not settings.key.exists() else is_protected(settings.key)
    galleries = tuple(dict.fromkeys((settings.gallery, *others)))
    kept = _Kept(keep_decisions, thumbnails)
    unlocks = not is_new and (ask_passphrase or not protected or settings.has_passphrase)
    with (
        _opened_once(settings, create=is_new) as service,
        _owner(
            settings,
            service,
            galleries,
            config.idle_lock,
            kept,
            max_age=max_age,
            looks=not (unlocks or is_new),
        ) as owner,
    ):
        beginning = beginning_of(settings, service) if is_new else None
        if unlocks:
            settings.with_passphrase(lambda passphrase: owner.unlock(_called(passphrase)))
            _tell_alarms(settings, owner)

        def ready(address: str) -> None:
            try:
                print_result(address)
            except OutputLostError as error:
                raise OutputLostError(error.reason, "the desk was not started") from error
            asks = "the page asks for the key's passphrase; " if owner.is_locked else ""
            if is_new:
                asks = "there is no gallery yet, and the page makes one; "
            settings.notice(f"open this address in a browser; {asks}Ctrl-C ends the desk")

        has_ended = run(
            owner,
            config,
            token_file(settings.key),
            needs_passphrase=protected,
            ready=ready,
            evaluate=evaluation_of(settings.backend),
            beginning=beginning,
            verbose=settings.verbose,
        )
        if not has_ended:
            settings.notice("what was still under way is given up")
            end_at_once(EXIT_PARTIAL)


def _check_galleries(
    settings: Settings, service: GalleryService, galleries: tuple[str, ...]
) -> None:
    """Find a name that is wrong before somebody unlocks; a server may be down until then."""
    try:
        for name in galleries:
            service.describe(name)
    except ServerError as error:
        settings.notice(f"warning: {error.message}; the desk starts all the same")


def _tell_alarms(settings: Settings, owner: Owner) -> None:
    """Say on the terminal, too, what is wrong with a gallery that was opened there."""
    for name in owner.names:
        if (alarm := owner.alarm(name)) is not None:
            settings.notice(f"warning: do not rely on the gallery {name}: {alarm}")


def token_file(key: Path) -> Path:
    """Return the file of the desk's tokens, beside the key file."""
    return key.with_name(key.name + ".desk-tokens")


def thumbnails_folder(key: Path) -> Path:
    """Return the folder of the desk's thumbnails, beside the key file."""
    return key.with_name(key.name + ".desk-thumbnails")


def erase_thumbnails(key: Path, gallery_id: bytes, reference_ids: Iterable[str]) -> None:
    """Erase the desk's thumbnails of references that a command erased, if it keeps some."""
    if not thumbnails_folder(key).is_dir():
        return
    from gallery.desk.thumbnails import erase_files

    erase_files(thumbnails_folder(key) / gallery_id.hex(), reference_ids)


@contextmanager
def swept_thumbnails(key: Path, client: GalleryClient) -> Iterator[None]:
    """Erase the desk's thumbnails of references that are gone after this, if it keeps some."""
    try:
        yield
    except ErasurePendingError:  # they are gone from the gallery all the same
        sweep_thumbnails(key, client)
        raise
    sweep_thumbnails(key, client)


def sweep_thumbnails(key: Path, client: GalleryClient) -> None:
    """Erase the desk's thumbnails of references that are gone, if it keeps some."""
    folder = thumbnails_folder(key) / client.description.gallery_id.hex()
    if not folder.is_dir():
        return
    from gallery.desk.thumbnails import erase_files, references_in

    # First, since a desk may be enrolling: what it adds after this is in neither.
    kept = set(references_in(folder))
    erase_files(folder, kept - {item.reference_id for item in client.references()})


def erase_all_thumbnails(key: Path, gallery_id: bytes) -> None:
    """Erase the desk's thumbnails of a gallery that is no more, if it keeps some."""
    folder = thumbnails_folder(key) / gallery_id.hex()
    if not folder.is_dir():
        return
    from gallery.desk.thumbnails import erase_files, references_in

    erase_files(folder, references_in(folder))


def decisions_file(key: Path) -> Path:
    """Return the file of the desk's log of decisions, beside the key file."""
    return key.with_name(key.name + ".desk-decisions")


def _called(passphrase: Callable[[], str | None]) -> str | None:
    return passphrase()


@dataclass(frozen=True)
class _Kept:
    """The desk's files beside the key file: decisions for so many days or None, and thumbnails."""

    decisions: float | None
    thumbnails: bool


@contextmanager
def _opened_once(settings: Settings, *, create: bool) -> Iterator[Callable[[], GalleryService]]:
    """Give what opens the database or server, which stays open: at once, or to ``create`` it later.

    A database that is not there is made when its gallery is, and not by a look at the desk.
    """
    with ExitStack() as opened:

        @functools.cache
        def service() -> GalleryService:
            return opened.enter_context(settings.open_service(create=create, cache_size=KEPT_BYTES))

        if not create:
            service()
        yield service


@contextmanager
def _owner(
    settings: Settings,
    service: Callable[[], GalleryService],
    galleries: tuple[str, ...],
    idle_lock: float,
    kept: _Kept,
    *,
    max_age: timedelta | None,
    looks: bool,
) -> Iterator[Owner]:
    """Give the owner of galleries in a database or on a server.

    It ``looks`` for the galleries, unless the caller unlocks it, which does, or makes them.
    """
    from gallery.client import GalleryClient, GalleryKey, read_key_file
    from gallery.desk.decisions.log import DecisionLog
    from gallery.desk.owner import Owner
    from gallery.desk.thumbnails import ThumbnailFolder

    # Here, since threads have no context of the command line.
    states, trusted = settings.open_states(), trusted_weights(ask=False)
    cache = settings.open_cache()

    def open_key(passphrase: str | None) -> GalleryKey:
        return read_key_file(settings.key, passphrase)

    def open_client(key: GalleryKey, name: str) -> GalleryClient:
        return GalleryClient(
            service(),
            key,
            name,
            states=states,
            backend=settings.backend,
            trusted_weights=trusted,
            warn=lambda text: settings.notice(f"warning: {text}"),
            max_age=max_age,
            cache=cache,
        )

    if looks:
        _check_galleries(settings, service(), galleries)
    days = kept.decisions
    owner = Owner(
        open_key,
        open_client,
        galleries,
        idle_lock=idle_lock,
        log=None if days is None else DecisionLog(decisions_file(settings.key), days),
        thumbnails=ThumbnailFolder(thumbnails_folder(settings.key), wanted=kept.thumbnails),
    )
    try:
        yield owner
    finally:
        owner.lock()

"""The owner at the desk: locked, or with the key and the galleries open."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import structlog

from gallery.client import GalleryClient, GalleryKey
from gallery.desk.decisions.log import DecisionLog
from gallery.desk.elapsed_time import elapsed_seconds
from gallery.desk.errors import LockedError, UnknownGalleryError
from gallery.desk.open_gallery import OpenGallery
from gallery.desk.thumbnails import ThumbnailFolder
from gallery.desk.turnstile import Turnstile
from gallery.errors import (
    GalleryError,
    IntegrityError,
    MalformedMessageError,
    StaleManifestError,
)

OpenKey = Callable[[str | None], GalleryKey]
"""Opens the key file with a passphrase, or without one."""

OpenClient = Callable[[GalleryKey, str], GalleryClient]
"""Opens the gallery of a name with the key."""


_AT_ONCE = 16
"""Pieces of work that wait for galleries; fewer than there are threads that answer requests."""

_ALARMING = (IntegrityError, MalformedMessageError)
"""The errors that say that a server or a database has not kept what it was given."""

_log = structlog.get_logger("gallery.desk")


class Owner:
    """Holds the opened key and the galleries, until told to lock or idle for long enough.

    Thread-safe. Open galleries stay warm: references, check sums and the face model.

    Parameters
    ----------
    open_key, open_client
        Functions that open the key file, and a gallery.
    galleries
        Names of the galleries.
    idle_lock
        Seconds without use after which `lock_if_idle` locks.
    log
        The log of decisions, which is opened with the key; None for none.
    thumbnails
        The folder of thumbnails; None for none.
    clock
        Seconds that only grow.
    """

    def __init__(
        self,
        open_key: OpenKey,
        open_client: OpenClient,
        galleries: tuple[str, ...],
        *,
        idle_lock: float,
        log: DecisionLog | None = None,
        thumbnails: ThumbnailFolder | None = None,
        clock: Callable[[], float] = elapsed_seconds,
    ) -> None:
        self.names, self.log = galleries, log
        self._open_key, self._open_client = open_key, open_client
        self._thumbnails = thumbnails
        self._idle_lock, self._clock = idle_lock, clock
        self._changing = threading.Lock()
        self._open: dict[str, OpenGallery] | None = None
        self._used, self._under_way = clock(), 0
        self._counting, self._turnstile = threading.Lock(), Turnstile(_AT_ONCE)
        self._alarms: dict[str, GalleryError] = {}

    @property
    def is_locked(self) -> bool:
        """Whether the key is not open."""
        return self._open is None

    @property
    def keeps_thumbnails(self) -> bool:
        """Whether thumbnails are made of who is enrolled."""
        return self._thumbnails is not None and self._thumbnails.wanted

    def unlock(self, passphrase: str | None) -> None:
        """Open the key and all galleries; nothing happens if they are.

        A gallery that turns out not to be the newest that was seen is opened all the same, with its
        alarm, since its pages are where that is read.

        Raises
        ------
        GalleryError
            If one cannot be opened, such as `WrongPassphraseError`; it stays locked then.
        """
        with self._changing:
            if self._open is not None:
                return
            key = self._open_key(passphrase)
            opened: dict[str, OpenGallery] = {}
            try:
                for name in self.names:
                    with self._alarmed(name):
                        opened[name] = self._opened(key, name)
                    with suppress(*_ALARMING), self._alarmed(name):
                        opened[name].client.check_newest()
                        if isinstance(self._alarms.get(name), StaleManifestError):
                            del self._alarms[name]
            except BaseException:
                _close(opened)
                raise
            if self.log is not None:
                self.log.open(key)
            self._open, self._used = opened, self._clock()

    def lock(self) -> None:
        """Drop the key, the galleries and all that was kept of them.

        It waits for what is under way.
        """
        with self._changing:
            opened, self._open = self._open, None
            _close(opened or {})
            if self.log is not None:
                self.log.close()

    def lock_if_idle(self) -> bool:
        """Lock if nothing was asked for long enough; tell whether that was so."""
        if self.is_locked or self._under_way or self._clock() - self._used < self._idle_lock:
            return False
        self.lock()
        return True

    def used(self) -> None:
        """Take note that somebody uses the desk, who may only look at a page.

        Raises
        ------
        LockedError
            If nobody did for so long that it is locked by now, though nothing has locked it yet.
        """
        if self.lock_if_idle():
            raise LockedError("the desk is locked")
        self._used = self._clock()

    def alarm(self, name: str) -> str | None:
        """Return the alarm of a gallery, in words, or None.

        It stays until the desk ends, but that of a state which is too old, which a new signature
        puts right: that one goes when the desk is unlocked again.
        """
        found = self._alarms.get(name)
        return None if found is None else found.message

    def look(self, name: str, seconds: float | None = None) -> None:
        """Have a gallery read once since the key was opened, so that its alarm is known.

        Parameters
        ----------
        name
            Of the gallery; nothing happens if it is not open.
        seconds
            How long to wait for it; by default until it is done.
        """
        opened = (self._open or {}).get(name)
        if opened is None:
            return
        if opened.takes_look():
            reading = threading.Thread(
                target=self._look, args=(name, opened), name="desk looking", daemon=True
            )
            reading.start()
        opened.looked.wait(seconds)

    @contextmanager
    def gallery(self, name: str) -> Iterator[OpenGallery]:
        """Give a gallery for one piece of work; others that want it wait.

        Raises
        ------
        LockedError
            If the key is not open.
        UnknownGalleryError
            If the desk has no such gallery.
        BusyError
            If too many wait already.
        """
        self.lock_if_idle()
        opened = self._open
        if opened is None:
            raise LockedError("the desk is locked: unlock it with the key's passphrase")
        if name not in opened:
            raise UnknownGalleryError(f"this desk has no gallery {name!r}")
        admitted = self._turnstile.entered()
        with admitted, self.in_use(), self._alarmed(name), opened[name].working():
            yield opened[name]

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep the desk from idling meanwhile."""
        with self._counting:
            self._under_way += 1
        try:
            yield
        finally:
            with self._counting:
                self._under_way -= 1
            self._used = self._clock()

    def _opened(self, key: GalleryKey, name: str) -> OpenGallery:
        client = self._open_client(key, name)
        if self._thumbnails is None:
            return OpenGallery(client)
        gallery_id = client.description.gallery_id
        return OpenGallery(client, self._thumbnails.of(key, gallery_id))

    def _look(self, name: str, opened: OpenGallery) -> None:
        try:
            with self.in_use(), self._alarmed(name):
                opened.look()
        except GalleryError as error:  # the first search tells it
            _log.info("not warm", error=type(error).__name__)

    @contextmanager
    def _alarmed(self, name: str) -> Iterator[None]:
        """Keep what the server or the database is found to have wrong."""
        try:
            yield
        except _ALARMING as error:
            self._alarms[name] = error
            raise


def _close(opened: dict[str, OpenGallery]) -> None:
    """Close all galleries, also where closing one fails."""
    with ExitStack() as closing:
        for item in opened.values():
            closing.callback(item.close)

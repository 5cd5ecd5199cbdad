"""The watch over a folder: a gallery is brought in step again and again, as the folder changes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from gallery.client.photos.deepface_runtime import require_modules
from gallery.client.syncing.folder_sync import FolderSync, SyncReport
from gallery.client.syncing.plan import SyncPlan
from gallery.errors import (
    DatabaseError,
    EmptiedFolderError,
    GalleryError,
    LedgerError,
    ReferenceNotFoundError,
    ServerError,
    SourceError,
    WriteConflictError,
)

PASSING: Final = (
    SourceError,
    EmptiedFolderError,
    LedgerError,
    ServerError,
    DatabaseError,
    WriteConflictError,
    ReferenceNotFoundError,
)
"""Errors that may pass: a folder that is not there for a while, a server that does not answer."""

SETTLE_SECONDS: Final = 2.0
RESCAN_SECONDS: Final = 600.0
"""Network file systems tell nobody of changes that are made on another machine."""

LONGEST_WAIT: Final = 30.0
"""Seconds after a change for which others are waited for, where there is no end of them."""

_STEP_SECONDS: Final = 0.5
_FIRST_PAUSE: Final = 2.0
_LONGEST_PAUSE: Final = 300.0


def watch_folder(
    sync: FolderSync,
    *,
    remove: bool = True,
    stop: threading.Event | None = None,
    settle: float = SETTLE_SECONDS,
    rescan: float = RESCAN_SECONDS,
    report: Callable[[SyncPlan, SyncReport], None],
    trouble: Callable[[GalleryError | OSError], None],
) -> None:
    """Keep a gallery in step with a folder until it is told to stop.

    An error that may pass, as while a server is away, is told and tried again after a pause that
    grows to five minutes; changes of the folder meanwhile are caught up. A file counts when it has
    not changed for a while, so that one that is being copied is not taken for what it is to be.

    Parameters
    ----------
    sync
        The folder and the gallery.
    remove
        Whether references are erased whose photos are gone.
    stop
        Ends the watch when it is set, after what is being done just then; by default only an
        exception such as `KeyboardInterrupt` does.
    settle
        Seconds for which a photo must not have changed.
    rescan
        Seconds after which the folder is looked through although nothing seems to have changed, and
        photos that gave no embedding are tried again.
    report
        Called with what was planned and done, after each time, also if it is nothing.
    trouble
        Called with each error that may pass.

    Raises
    ------
    MissingDependencyError
        If the package that watches folders is not installed.
    IntegrityError, AccessDeniedError, KeyMismatchError, GalleryNotFoundError
        Errors that do not pass end the watch.
    """
    require_modules(("watchfiles",), "Watching a folder")
    stop = threading.Event() if stop is None else stop
    changes = _Changes(sync.folder, stop)
    schedule = _Schedule(settle, rescan)
    while not stop.is_set():
        if schedule.is_due():
            try:
                if schedule.is_rescan():
                    sync.forget_failures()
                plan = sync.plan(settle=settle)
                report(plan, sync.apply(plan, remove=remove))
                schedule.done(unsettled=bool(plan.unsettled))
            except (*PASSING, OSError) as error:
                trouble(error)
                schedule.failed()
        elif changes.wait(_STEP_SECONDS):
            schedule.changed()


class _Schedule:
    """The schedule of scans of the folder.

    Parameters
    ----------
    settle, rescan
        As for `watch_folder`.
    """

    def __init__(self, settle: float, rescan: float) -> None:
        self._settle, self._rescan = settle, rescan
        self._due = self._next_rescan = time.monotonic()
        self._first_change: float | None = None
        self._pause, self._failing = _FIRST_PAUSE, False

    def is_due(self) -> bool:
        """Whether it is time."""
        return time.monotonic() >= self._due

    def is_rescan(self) -> bool:
        """Whether all is to be looked through, although nothing seems to have changed."""
        return time.monotonic() >= self._next_rescan

    def changed(self) -> None:
        """Take account of a change: when there is no other for a while, it is time."""
        if self._failing:
            return
        now = time.monotonic()
        self._first_change = self._first_change or now
        self._due = min(now + self._settle, self._first_change + LONGEST_WAIT)

    def done(self, *, unsettled: bool) -> None:
        """Take account of a look at the folder that came to its end."""
        now = time.monotonic()
        if now >= self._next_rescan:
            self._next_rescan = now + self._rescan
        self._due = now + self._settle if unsettled else self._next_rescan
        self._first_change = None
        self._pause, self._failing = _FIRST_PAUSE, False

    def failed(self) -> None:
        """Take account of an error: it is tried again after a pause, each longer than the last."""
        self._due = time.monotonic() + self._pause
        self._pause, self._failing = min(2 * self._pause, _LONGEST_PAUSE), True


class _Changes:
    """The changes in and below a folder, also if it goes away and comes back.

    Parameters
    ----------
    folder
        The folder.
    stop
        Ends the waiting when it is set.
    """

    def __init__(self, folder: Path, stop: threading.Event) -> None:
        self._folder, self._stop = folder, stop
        self._events: Iterator[object] | None = None
        self._watched: tuple[int, int] | None = None
        self._polling = False

    def wait(self, seconds: float) -> bool:
        """Wait until something changes, for so long at most; return whether something did."""
        found = self._identity()
        if found != self._watched or (found is not None and self._events is None):
            # Another folder is there now, as when a disk was mounted.
            self._watched, self._events = found, self._watch(seconds)
            return True
        if self._events is None:
            self._stop.wait(seconds)
            return False
        try:
            return bool(next(self._events, None))
        except (OSError, RuntimeError):
            if self._identity() == found:  # there are too many folders to be told of each
                self._polling = True
            self._events = None
            return False

    def _watch(self, seconds: float) -> Iterator[object] | None:
        if self._watched is None:
            return None
        from watchfiles import watch

        return watch(
            self._folder,
            watch_filter=None,
            stop_event=self._stop,
            rust_timeout=int(seconds * 1000),
            yield_on_timeout=True,
            force_polling=True if self._polling else None,
            poll_delay_ms=5000 if self._polling else 300,
        )

    def _identity(self) -> tuple[int, int] | None:
        with suppress(OSError):
            found = os.stat(self._folder)
            return found.st_dev, found.st_ino
        return None

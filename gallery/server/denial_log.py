"""The denial log: repeated denials of one token are counted in one row a minute.

The first denial is in the audit log before it is answered. Those like it that follow within a
minute are counted, and the count is recorded at the end of that minute, so that nobody fills the
database with denials. Counts of less than a minute are lost if the process is killed.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, replace

import structlog

from gallery.closing import Closing
from gallery.errors import GalleryError
from gallery.server.audit_log import AuditEvent, AuditLog
from gallery.store.audit_store import now

WINDOW_SECONDS = 60.0
"""Seconds in which denials of one kind share a row."""

KINDS = 8
"""Kinds of denials of one token that are told apart at a time; all others share a row."""

_log = structlog.get_logger("gallery.server")

_Kind = tuple[str | None, str]


@dataclass
class _Window:
    """The denials of one kind since one of them was recorded."""

    ends: float
    latest: AuditEvent
    count: int = 0


class DenialLog(Closing):
    """Records denials; any number of threads may share it.

    Parameters
    ----------
    log
        Where they are written.
    seconds
        Seconds in which denials of one kind share a row.
    """

    def __init__(self, log: AuditLog, seconds: float = WINDOW_SECONDS) -> None:
        self._log, self._seconds = log, seconds
        self._windows: dict[_Kind, _Window] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._counter = threading.Thread(target=self._run, name="denials", daemon=True)
        self._counter.start()

    def record(self, event: AuditEvent, kind: str = "") -> Future[None]:
        """Record a denial, or count it if one like it was recorded less than a minute ago.

        Parameters
        ----------
        event
            The denial; of the same ``token_id`` it is counted with others.
        kind
            The kind of request that was denied.

        Returns
        -------
        concurrent.futures.Future
            Done when the denial is recorded or counted; see `AuditLog.record`.
        """
        with self._changed:
            key = self._key(event, kind)
            window = self._windows.get(key)
            if window is not None:
                window.count += 1
                window.latest = event
                done: Future[None] = Future()
                done.set_result(None)
                return done
            self._windows[key] = _Window(time.monotonic() + self._seconds, event)
            self._changed.notify()
        recorded = self._log.record(event)
        recorded.add_done_callback(lambda future: self._unless_recorded(future, key))
        return recorded

    def close(self) -> None:
        """Record all counts, and end the thread; the log stays open."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._counter.join()

    def _key(self, event: AuditEvent, kind: str) -> _Kind:
        token = event.token_id
        if (token, kind) in self._windows or sum(of == token for of, _ in self._windows) < KINDS:
            return token, kind
        return token, "others"

    def _unless_recorded(self, recorded: Future[None], key: _Kind) -> None:
        """Begin anew with the next denial, if this one could not be recorded."""
        if recorded.exception() is not None:
            with self._changed:
                window = self._windows.get(key)
                if window is not None and not window.count:
                    del self._windows[key]

    def _run(self) -> None:
        while not self._closed:
            with self._changed:
                ends = min((window.ends for window in self._windows.values()), default=None)
                if not self._closed:
                    self._changed.wait(None if ends is None else max(0.0, ends - time.monotonic()))
                over = self._over()
            for key, window in over:
                self._record_count(key, window)

    def _over(self) -> list[tuple[_Kind, _Window]]:
        """Take out the windows that have ended; those with a count begin anew without it."""
        current, found = time.monotonic(), []
        for key, window in list(self._windows.items()):
            if window.ends > current and not self._closed:
                continue
            del self._windows[key]
            if window.count:
                found.append((key, window))
                self._windows[key] = _Window(current + self._seconds, window.latest)
        return found

    def _record_count(self, key: _Kind, window: _Window) -> None:
        event = replace(window.latest, count=window.count, time=now())
        try:
            self._log.record(event).result()
        except GalleryError as error:
            _log.error("failed", error=type(error).__name__, reason=str(error))
            with self._changed:  # for the row of the next minute
                kept = self._windows.get(key)
                if kept is not None:
                    kept.count += window.count

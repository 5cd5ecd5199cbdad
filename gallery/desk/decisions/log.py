"""The log of decisions while the desk is open: its entries, their retention, and its faults."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from gallery.client import GalleryKey
from gallery.desk.access.scopes import Holder
from gallery.desk.decisions.entries import DecidedFace, DecisionEntry, HowSearched
from gallery.desk.decisions.log_file import DecisionLogError, LogFile
from gallery.desk.identifying import FaceDecision
from gallery.desk.texts import english

MOST_BYTES: Final = 64 * 2**20
"""A log that grows beyond it loses its oldest quarter."""

_DAY = 86_400
_SAME_SECONDS = 60
"""For so long, live results like those before are not written again."""

_MOST_FACES = 100
"""Faces of one entry; more are several entries."""

_log = structlog.get_logger("gallery.desk")


@dataclass(frozen=True)
class LoggedDecisions:
    """A part of a log.

    Attributes
    ----------
    since
        Since when the log is whole, seconds since 1970 UTC.
    entries
        Places and entries, the newest first.
    has_older
        Whether there are older ones.
    """

    since: int
    entries: tuple[tuple[int, DecisionEntry], ...]
    has_older: bool


class DecisionLog:
    """Keeps the operator, time and outcome of each search, sealed with the owner's key.

    A log that cannot be written does not keep anybody from searching: that it cannot is told in
    `problem`, and later in the log itself, as a gap. Thread-safe.

    Parameters
    ----------
    path
        The file.
    days
        For how long entries are kept.
    clock
        Seconds since 1970 UTC.

    Attributes
    ----------
    problem
        Why nothing is logged, in words, or None.
    """

    def __init__(
        self,
        path: Path,
        days: float,
        *,
        most_bytes: int = MOST_BYTES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.problem: str | None = None
        self._path, self._seconds, self._most, self._clock = path, days * _DAY, most_bytes, clock
        self._file: LogFile | None = None
        self._changing = threading.Lock()
        self._handle: int | None = None
        self._missed, self._pruned = 0, 0
        self._live: dict[tuple[str, str], tuple[tuple[DecidedFace, ...], int]] = {}

    def open(self, key: GalleryKey) -> None:
        """Open the log with the owner's key; what is wrong with it is told in `problem`."""
        with self._changing:
            try:
                self._lock()
                file, now = LogFile(self._path, key), int(self._clock())
                file.open(now)
                self._prune(file, now)
            except DecisionLogError as error:
                self._failed(error)
            else:
                self._file, self.problem = file, None

    def close(self) -> None:
        """Drop the key."""
        with self._changing:
            self._file = None
            self._live.clear()
            if self._handle is not None:
                os.close(self._handle)
                self._handle = None

    def record(
        self,
        gallery: str,
        holder: Holder,
        how: HowSearched,
        decisions: Iterable[FaceDecision],
    ) -> None:
        """Add a search; without a face nobody was searched for, and there is no entry."""
        faces = tuple(DecidedFace(item.decision, item.label) for item in decisions)
        now = int(self._clock())
        if not faces:
            return
        with self._changing:
            if how is HowSearched.LIVE and self._is_same(gallery, holder, faces, now):
                return
            parts = [faces[at : at + _MOST_FACES] for at in range(0, len(faces), _MOST_FACES)]
            self._append([DecisionEntry(now, gallery, holder.name, how, part) for part in parts])

    def newest(self, gallery: str, most: int, before: int | None = None) -> LoggedDecisions:
        """Return the newest entries of a gallery, and of gaps.

        Parameters
        ----------
        gallery
            Its name.
        most
            How many.
        before
            A place: entries from there on are left out.

        Raises
        ------
        DecisionLogError
            If the log cannot be read.
        """
        with self._changing:
            if self._file is None:
                raise DecisionLogError(self.problem or english()("decisions.closed"))
            found: deque[tuple[int, DecisionEntry]] = deque(maxlen=most + 1)
            for place, entry in self._file.entries():
                if before is not None and place >= before:
                    break
                if entry.gallery == gallery or entry.how is HowSearched.GAP:
                    found.append((place, entry))
            shown = list(found)[-most:][::-1]
            return LoggedDecisions(self._file.since, tuple(shown), len(found) > most)

    def _append(self, entries: Sequence[DecisionEntry]) -> None:
        if self._file is None:
            self._missed += 1
            return
        now = entries[0].time
        try:
            if self._missed:
                gap = DecisionEntry(now, "", "", HowSearched.GAP, (), self._missed)
                self._file.append(gap)
                self._missed = 0
            for entry in entries:
                self._file.append(entry)
            if now - self._pruned > _DAY or self._file.size > self._most:
                self._prune(self._file, now)
        except DecisionLogError as error:
            self._missed += 1
            self._failed(error)
        else:
            self.problem = None

    def _is_same(
        self, gallery: str, holder: Holder, faces: tuple[DecidedFace, ...], now: int
    ) -> bool:
        """Tell whether live results were like these less than a minute ago."""
        place = gallery, holder.name
        before, at = self._live.get(place, ((), 0))
        if before == faces and 0 <= now - at < _SAME_SECONDS:
            return True
        self._live[place] = faces, now
        return False

    def _prune(self, file: LogFile, now: int) -> None:
        """Drop entries that are too old, and the oldest quarter of a log that is too large."""
        self._pruned, oldest = now, now - int(self._seconds)
        entries = [entry for _, entry in file.entries()]
        kept, since = [entry for entry in entries if entry.time >= oldest], file.since
        if file.size > self._most:
            kept = kept[len(kept) // 4 + 1 :]
            since = kept[0].time if kept else now
        if len(kept) < len(entries):
            file.rewrite(kept, max(since, oldest))

    def _lock(self) -> None:
        """Keep other desks from the file (`DecisionLogError` if one has it)."""
        import fcntl  # not on every system

        name = self._path.with_name(self._path.name + ".lock")
        try:
            name.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(name, os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise DecisionLogError(
                f"the log of decisions {self._path} cannot be used: {error.strerror}"
            ) from error
        self._handle = handle
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._handle = None
            os.close(handle)
            raise DecisionLogError(
                f"another desk writes the log of decisions {self._path}"
            ) from error
        except OSError:  # a file system without locks
            pass

    def _failed(self, error: DecisionLogError) -> None:
        self.problem = error.message
        _log.error("decisions are not logged", error=type(error).__name__)

"""The newest states of galleries that an owner has seen, so that an older one put back is noticed.

A database that is put back whole to yesterday's state is consistent in itself: every MAC in it
verifies. Only somebody who remembers that there was a newer state can tell.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gallery.errors import RolledBackError, StateFileError
from gallery.hints import Hint
from gallery.messages import ID_SIZE, Manifest

_BUSY_SECONDS = 30.0
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS seen"
    " (gallery_id BLOB PRIMARY KEY, version INTEGER NOT NULL, mac BLOB NOT NULL)"
)


@dataclass(frozen=True)
class NewestState:
    """The newest manifest that was seen of a gallery: its version and its MAC."""

    version: int
    mac: bytes

    @classmethod
    def of(cls, manifest: Manifest) -> NewestState:
        """Return what is remembered of a manifest."""
        return cls(manifest.version, manifest.mac)


class SeenStates(Protocol):
    """The newest manifest seen of each gallery."""

    def newest(self, gallery_id: bytes) -> NewestState | None:
        """Return the newest manifest that was seen, or None for a gallery never seen."""

    def remember(self, gallery_id: bytes, seen: NewestState) -> None:
        """Remember a manifest, unless a newer one is remembered."""

    def forget(self, gallery_id: bytes) -> None:
        """Forget a gallery, because an older state was put back on purpose."""


class TransientStates:
    """Seen states that are kept as long as the process lives."""

    def __init__(self) -> None:
        self._seen: dict[bytes, NewestState] = {}

    def newest(self, gallery_id: bytes) -> NewestState | None:
        """Return the newest manifest that was seen, or None for a gallery never seen."""
        return self._seen.get(gallery_id)

    def remember(self, gallery_id: bytes, seen: NewestState) -> None:
        """Remember a manifest, unless a newer one is remembered."""
        known = self._seen.get(gallery_id)
        if known is None or known.version < seen.version:
            self._seen[gallery_id] = seen

    def forget(self, gallery_id: bytes) -> None:
        """Forget a gallery, because an older state was put back on purpose."""
        self._seen.pop(gallery_id, None)


class StateFile:
    """Seen states in a file that processes share: identifiers and versions, nothing secret.

    Parameters
    ----------
    path
        The file; made when it is first needed, for its owner alone.

    Raises
    ------
    StateFileError
        By every method, if the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def newest(self, gallery_id: bytes) -> NewestState | None:
        """Return the newest manifest that was seen, or None for a gallery never seen."""
        query = "SELECT version, mac FROM seen WHERE gallery_id = ?"
        with self._opened() as connection:
            row = connection.execute(query, (gallery_id,)).fetchone()
        return None if row is None else NewestState(int(row[0]), bytes(row[1]))

    def remember(self, gallery_id: bytes, seen: NewestState) -> None:
        """Remember a manifest, unless a newer one is remembered."""
        statement = (
            "INSERT INTO seen VALUES (?, ?, ?) ON CONFLICT (gallery_id) DO UPDATE"
            " SET version = excluded.version, mac = excluded.mac"
            " WHERE excluded.version > seen.version"
        )
        with self._opened() as connection:
            connection.execute(statement, (gallery_id, seen.version, seen.mac))

    def forget(self, gallery_id: bytes) -> None:
        """Forget a gallery, because an older state was put back on purpose."""
        with self._opened() as connection:
            connection.execute("DELETE FROM seen WHERE gallery_id = ?", (gallery_id,))

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            if not self._path.exists():
                os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            opened = sqlite3.connect(self._path, timeout=_BUSY_SECONDS)
            with closing(opened) as connection, connection:
                connection.execute(_SCHEMA)
                yield connection
        except (OSError, sqlite3.Error) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise StateFileError(
                f"cannot use {self._path}, which remembers the newest state of galleries: {reason}",
                hint=Hint.OTHER_STATE_FILE,
            ) from error


def wrong_results_id(gallery_id: bytes) -> bytes:
    """Return under which identifier it is remembered that a gallery's server gave wrong results."""
    return hashlib.sha256(b"wrong results of " + gallery_id).digest()[:ID_SIZE]


def calibration_id(gallery_id: bytes) -> bytes:
    """Return under which identifier the newest calibration of a gallery is among the seen states.

    The manifest does not bind a calibration, so its own number is remembered beside the gallery's.
    """
    return hashlib.sha256(b"calibration of " + gallery_id).digest()[:ID_SIZE]


def check_newer(found: Manifest, floor: NewestState | None) -> None:
    """Check a manifest against the newest that was seen before it was asked for.

    Raises
    ------
    RolledBackError
        If it is older, or another of the same version.
    """
    if floor is None or found.version > floor.version:
        return
    if NewestState.of(found) != floor:
        raise RolledBackError(
            f"the database holds version {found.version} of the gallery, you have seen version "
            f"{floor.version}: an older state was put back",
            hint=Hint.ACCEPT_ROLLBACK,
        )

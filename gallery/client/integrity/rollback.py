"""Rollback detection: the newest states of galleries that an owner has seen.

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
    " (gallery_id BLOB PRIMARY KEY, version INTEGER NOT NULL, mac BLOB NOT NULL)",
    # A table of its own, so that earlier versions of this program can use the file as well.
    "CREATE TABLE IF NOT EXISTS lineage (gallery_id BLOB PRIMARY KEY, lineage BLOB NOT NULL)",
)


@dataclass(frozen=True)
class NewestState:
    """The newest manifest that was seen of a gallery: its version, its MAC and its lineage."""

    version: int
    mac: bytes
    lineage: bytes = b""

    @classmethod
    def of(cls, manifest: Manifest) -> NewestState:
        """Return the part of a manifest that is remembered."""
        return cls(manifest.version, manifest.mac, manifest.lineage)


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
        query = (
            "SELECT version, mac, lineage FROM seen LEFT JOIN lineage USING (gallery_id)"
            " WHERE gallery_id = ?"
        )
        with self._opened() as connection:
            row = connection.execute(query, (gallery_id,)).fetchone()
        if row is None:
            return None
        version, mac, lineage = row[0], row[1], row[2] or b""
        if (type(version), type(mac), type(lineage)) != (int, bytes, bytes):
            raise self._unusable("it is damaged")
        return NewestState(version, mac, lineage)

    def remember(self, gallery_id: bytes, seen: NewestState) -> None:
        """Remember a manifest, unless a newer one is remembered."""
        statement = (
            "INSERT INTO seen VALUES (?, ?, ?) ON CONFLICT (gallery_id) DO UPDATE"
            " SET version = excluded.version, mac = excluded.mac"
            " WHERE excluded.version > seen.version"
        )
        with self._opened() as connection:
            changed = connection.execute(statement, (gallery_id, seen.version, seen.mac)).rowcount
            if changed and seen.lineage:
                connection.execute(
                    "INSERT OR REPLACE INTO lineage VALUES (?, ?)", (gallery_id, seen.lineage)
                )

    def forget(self, gallery_id: bytes) -> None:
        """Forget a gallery, because an older state was put back on purpose."""
        with self._opened() as connection:
            connection.execute("DELETE FROM seen WHERE gallery_id = ?", (gallery_id,))
            connection.execute("DELETE FROM lineage WHERE gallery_id = ?", (gallery_id,))

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            if not self._path.exists():
                os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            opened = sqlite3.connect(self._path, timeout=_BUSY_SECONDS)
            with closing(opened) as connection, connection:
                for statement in _SCHEMA:
                    connection.execute(statement)
                yield connection
        except UnicodeDecodeError as error:  # of a name in a damaged schema, which SQLite repeats
            raise self._unusable("it is damaged") from error
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(getattr(error, "strerror", None) or str(error)) from error

    def _unusable(self, reason: str) -> StateFileError:
        return StateFileError(
            f"cannot use {self._path}, which remembers the newest state of galleries: {reason}",
            hint=Hint.OTHER_STATE_FILE,
        )


class GalleryStates:
    """The seen states of one gallery under its name.

    A gallery that was restored from a backup has the identifier of the one that was backed up, and
    is another one all the same: its states have a place of their own, which its name is part of.
    Where nothing was seen of it yet, what was seen under its identifier counts. So a restored
    gallery that is shown in the place of the original is noticed, and the other way round.

    Parameters
    ----------
    states
        The newest states of galleries that were seen.
    gallery_id, name
        The gallery.
    restored
        Whether it was restored from a backup.

    Attributes
    ----------
    place
        Identifier of the gallery among the seen states, 16 bytes: two that were restored from one
        backup under different names, and what it was made of, have different ones.
    """

    def __init__(self, states: SeenStates, gallery_id: bytes, name: str, restored: bool) -> None:
        self._states, self._gallery_id = states, gallery_id
        self._restored_id = restored_id(gallery_id, name)
        self.place = self._restored_id if restored else gallery_id

    def newest(self) -> NewestState | None:
        """Return the newest manifest that was seen, or None if there was none."""
        found = self._states.newest(self._restored_id)
        return self._states.newest(self._gallery_id) if found is None else found

    def remember(self, manifest: Manifest) -> None:
        """Remember a manifest, unless a newer one is remembered."""
        self._states.remember(self.place, NewestState.of(manifest))

    def accept(self, manifest: Manifest) -> None:
        """Take a manifest for the newest, whatever was seen before."""
        for place in {self._restored_id, self.place, calibration_id(self.place)}:
            self._states.forget(place)
        self.remember(manifest)

    @property
    def calibration(self) -> bytes:
        """Identifier of the newest calibration among the seen states."""
        return calibration_id(self.place)


def restored_id(gallery_id: bytes, name: str) -> bytes:
    """Return the identifier of a restored gallery's states: its own, and its name's."""
    stated = b"restored " + gallery_id + name.encode("utf-8")
    return hashlib.sha256(stated).digest()[:ID_SIZE]


def wrong_results_id(gallery_id: bytes) -> bytes:
    """Return under which identifier it is remembered that a gallery's server gave wrong results.

    A gallery and what was restored from it share the secrets of their check sums, and so this.
    """
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
        If it is older, or another of the same version, or of another lineage.
    """
    if floor is None:
        return
    if found.lineage != floor.lineage:
        raise RolledBackError(
            "this gallery was restored from a backup, and is not the one that you have seen before"
            if found.lineage
            else "the gallery that you have seen before was restored from a backup, and this is "
            "not that one, but the original that was backed up",
            hint=Hint.ACCEPT_RESTORED,
        )
    if found.version > floor.version:
        return
    if NewestState.of(found) != floor:
        raise RolledBackError(
            f"the database holds version {found.version} of the gallery, you have seen version "
            f"{floor.version}: an older state was put back",
            hint=Hint.ACCEPT_ROLLBACK,
        )

"""The file of a log of decisions: records that are sealed one by one, each bound to its place.

A file is `MAGIC`, 16 random bytes that name it, and records: the length of a sealed value in 4
bytes, big-endian, and the value, of `gallery.client.integrity.sealing.Sealer` under the owner's
subkey for this very file, for the place of the record. The first says since when the log is
whole, the others are entries. So a record that is changed, moved, or of another file does not open.
Whether records are missing at the end only their owner can know.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final

from gallery.client import GalleryKey
from gallery.client.atomic_file import atomic_write
from gallery.client.integrity.sealing import Sealer
from gallery.desk.decisions.entries import DecisionEntry, padded
from gallery.desk.errors import DeskError
from gallery.errors import AuthenticationError

MAGIC: Final = b"EFGDLOG\x01"
_PURPOSE = "desk decisions"
_NAME_SIZE, _LENGTH_SIZE = 16, 4
_HEAD = len(MAGIC) + _NAME_SIZE
_SMALLEST, _LARGEST = 28, 2**20


class DecisionLogError(DeskError):
    """The log of decisions cannot be read or written."""

    status = 503


class LogFile:
    """A log of decisions on disk.

    Parameters
    ----------
    path
        The file.
    key
        The owner's key.

    Attributes
    ----------
    since
        Since when the log is whole, seconds since 1970 UTC.
    count
        Records, with the first.
    size
        Bytes.
    """

    def __init__(self, path: Path, key: GalleryKey) -> None:
        self.path, self._key = path, key
        self.since = self.count = self.size = 0

    def open(self, now: int) -> None:
        """Check all of the file, or begin one; a record that was not finished is cut off.

        Raises
        ------
        DecisionLogError
            If it is another's, or damaged, or cannot be read or written.
        """
        try:
            if not os.path.lexists(self.path):
                self.rewrite((), now)
                return
            end = self._checked()
            if end < os.path.getsize(self.path):
                os.truncate(self.path, end)
        except OSError as error:
            raise self._unusable(error) from error

    def append(self, entry: DecisionEntry) -> None:
        """Add an entry; nothing of it stays if it cannot be written whole (`DecisionLogError`)."""
        try:
            with open(self.path, "r+b") as file:
                name = self._head(file)
                file.seek(self.size)
                record = self._record(name, self.count, entry.encoded())
                try:
                    file.write(record)
                    file.flush()
                    os.fsync(file.fileno())
                except BaseException:
                    os.ftruncate(file.fileno(), self.size)
                    raise
        except OSError as error:
            raise self._unusable(error) from error
        self.count, self.size = self.count + 1, self.size + len(record)

    def entries(self) -> Iterator[tuple[int, DecisionEntry]]:
        """Yield place and content of all entries, the oldest first (`DecisionLogError`)."""
        try:
            with open(self.path, "rb") as file:
                name = self._head(file)
                for place, _, plain in self._records(file, name):
                    if place:
                        yield place, self._decoded(plain)
        except OSError as error:
            raise self._unusable(error) from error

    def rewrite(self, kept: Iterable[DecisionEntry], since: int) -> None:
        """Write a new file of these entries in place of what is there (`DecisionLogError`)."""
        name = os.urandom(_NAME_SIZE)
        sealer, count, size = self._sealer(name), 1, _HEAD
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with atomic_write(self.path, overwrite=True) as file:
                file.write(MAGIC + name)
                size += file.write(_sealed(sealer, 0, padded(json.dumps([since]))))
                for entry in kept:
                    size += file.write(_sealed(sealer, count, entry.encoded()))
                    count += 1
        except OSError as error:
            raise self._unusable(error) from error
        self.since, self.count, self.size = since, count, size

    def _checked(self) -> int:
        """Open every record, and return where the last whole one ends."""
        with open(self.path, "rb") as file:
            name, self.size = self._head(file), 0
            for place, end, plain in self._records(file, name):
                if place:
                    self._decoded(plain)
                else:
                    self.since = self._since(plain)
                self.count, self.size = place + 1, end
        if not self.size:
            raise self._damaged("it has no beginning")
        return self.size

    def _head(self, file: IO[bytes]) -> bytes:
        head = file.read(_HEAD)
        if len(head) < _HEAD or not head.startswith(MAGIC):
            raise DecisionLogError(f"{self.path} is no log of decisions: move it away")
        return head[len(MAGIC) :]

    def _records(self, file: IO[bytes], name: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Yield place, end and content of all records that are whole."""
        sealer, place = self._sealer(name), 0
        while len(head := file.read(_LENGTH_SIZE)) == _LENGTH_SIZE:
            length = int.from_bytes(head, "big")
            if not length and not file.read().strip(b"\0"):
                return  # what some file systems leave of a write that a power cut ended
            if not _SMALLEST <= length <= _LARGEST:
                raise self._damaged(f"record {place} has no length that can be")
            sealed = file.read(length)
            if len(sealed) < length:
                return
            try:
                plain = sealer.open(sealed, _at(place))
            except AuthenticationError as error:
                raise self._damaged(f"record {place} does not open with this key") from error
            yield place, file.tell(), plain
            place += 1

    def _since(self, plain: bytes) -> int:
        try:
            (since,) = json.loads(plain)
            return int(since)
        except (ValueError, TypeError) as error:
            raise self._damaged("its beginning is not understood") from error

    def _decoded(self, plain: bytes) -> DecisionEntry:
        try:
            return DecisionEntry.decoded(plain)
        except (ValueError, TypeError) as error:
            raise self._damaged("an entry is not understood") from error

    def _sealer(self, name: bytes) -> Sealer:
        return Sealer(self._key.subkey(_PURPOSE, name), name)

    def _record(self, name: bytes, place: int, plain: bytes) -> bytes:
        return _sealed(self._sealer(name), place, plain)

    def _damaged(self, reason: str) -> DecisionLogError:
        return DecisionLogError(
            f"the log of decisions {self.path} is damaged, or another key's ({reason}): "
            "move it away"
        )

    def _unusable(self, error: OSError) -> DecisionLogError:
        return DecisionLogError(
            f"the log of decisions {self.path} cannot be used: {error.strerror or error}"
        )


def _at(place: int) -> bytes:
    return place.to_bytes(8, "big")


def _sealed(sealer: Sealer, place: int, plain: bytes) -> bytes:
    sealed = sealer.seal(plain, _at(place))
    return len(sealed).to_bytes(_LENGTH_SIZE, "big") + sealed

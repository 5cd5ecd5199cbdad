"""Backups: one gallery in one file, as the database holds it, authenticated as a whole.

A backup holds ciphertexts, sealed labels and keyed hashes, and in clear the public properties
alone. It needs the protection that the database needs, and opens with the owner's key alone. The
bytes are described in ``docs/format.md``.
"""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from gallery.client.backup.format import BackupReader, BackupWriter, unreadable
from gallery.client.integrity.view import GalleryView
from gallery.client.keys.secrets import GalleryKey, Secret
from gallery.errors import (
    AuthenticationError,
    BackupError,
    BackupExistsError,
    MissingBlockError,
    WriteConflictError,
)
from gallery.messages import BlockUpdate, Manifest, ManifestEntry
from gallery.messages.naming import check_name
from gallery.protocol import GalleryService

_ATTEMPTS = 5

Progress = Callable[[int], None]


# --- writing --------------------------------------------------------------------------------------


def write_backup(
    view: GalleryView, path: str | os.PathLike[str], progress: Progress | None = None
) -> Manifest:
    """Write one consistent, checked state of a gallery into a new file.

    Parameters
    ----------
    view
        The gallery.
    path
        The file, which must not exist. Only its owner can read it, and it appears under its name
        complete or not at all.
    progress
        Called with the number of blocks that were just finished.

    Returns
    -------
    Manifest
        What was written.

    Raises
    ------
    BackupExistsError
        If there is such a file already.
    BackupError
        If the file cannot be written.
    IntegrityError
        If anything in the gallery is not what its owner wrote.
    WriteConflictError
        If the gallery keeps changing while it is read.
    """
    path = Path(path)
    if os.path.lexists(path):
        raise _exists(path)
    try:
        with _new_file(path) as file:
            return _write(view, file, progress)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError as error:
        raise BackupError(f"cannot write the backup {path}: {error.strerror}") from error


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """Give a file that appears under its name when it is complete, and replaces none."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _link(temporary, path)
    finally:
        os.unlink(temporary)
    if os.name == "posix":
        # So that the name survives a power cut too.
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _link(temporary: str, path: Path) -> None:
    """Give a complete file its name; unlike a rename, a hard link fails if the name exists."""
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP):
            raise
        raise BackupError(
            f"cannot write the backup {path}: its file system has no hard links; "
            "write it to another folder and copy it"
        ) from error


def _write(view: GalleryView, file: BinaryIO, progress: Progress | None) -> Manifest:
    """Write a backup; start again if the gallery changes, for the manifest comes first in it."""
    reported = 0
    for _ in range(_ATTEMPTS):
        file.seek(0)
        file.truncate()
        manifest = view.manifest()
        writer = BackupWriter(file, view.key, view.gallery_id)
        writer.message(view.description.to_bytes())
        writer.message(manifest.to_bytes())
        for entry in manifest.entries:
            if not _copy_block(view, manifest, entry, writer):
                break
            if progress is not None and entry.index >= reported:
                progress(1)
                reported += 1
        else:
            writer.end()
            return manifest
    raise WriteConflictError(
        "other processes keep changing the gallery; export it again when they are done"
    )


def _copy_block(
    view: GalleryView, manifest: Manifest, entry: ManifestEntry, writer: BackupWriter
) -> bool:
    """Check and write a block; return False if the gallery has moved on from the manifest."""
    service, gallery_id = view.service, view.gallery_id
    try:
        block = service.block(gallery_id, entry.index)
        stored = service.references(gallery_id, entry.index)
    except MissingBlockError:
        if view.manifest() != manifest:
            return False
        raise
    for header in (block.header, stored.header):
        if header.mac != entry.block_mac and view.manifest() != manifest:
            return False
        view.authenticator.check_header(header, entry)
    block.check()
    table = stored.table.to_bytes()
    if hashlib.sha256(table).digest() != block.header.references_digest:
        raise AuthenticationError(
            f"the references of block {entry.index} are not the ones that were enrolled: some "
            "were changed, moved or dropped; nothing was exported. Run gallery verify"
        )
    # A seed is the sender's choice, and a backup's blocks all have one size: without.
    writer.message(replace(block, seed=None).to_bytes())
    writer.message(table)
    return True


def _exists(path: Path) -> BackupExistsError:
    return BackupExistsError(f"there is a file at {path} already; it is not overwritten")


# --- reading --------------------------------------------------------------------------------------


class Backup(Secret):
    """A backup file, opened with the key of the gallery that it holds.

    Parameters
    ----------
    path
        The file.
    key
        The owner's key.

    Raises
    ------
    BackupError
        If the file cannot be read, is no backup, or is damaged as far as it was read.
    KeyMismatchError
        If the gallery was made with another key.
    ParameterSetError
        If the gallery has a parameter set that this program does not know.
    """

    def __init__(self, path: str | os.PathLike[str], key: GalleryKey) -> None:
        self._path, self._key = Path(path), key
        self._file = _open(self._path)
        self._verified = False
        try:
            first = BackupReader(self._file, key, self._path)
        except BaseException:
            self.close()
            raise
        self.description: Final = first.description
        self.manifest: Final = first.manifest

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def verify(self, progress: Progress | None = None) -> None:
        """Check the whole file: every statement and digest, and the MAC over all of it.

        Parameters
        ----------
        progress
            Called with the number of blocks that were just finished.

        Raises
        ------
        BackupError
            If it is truncated, damaged, or not what its owner wrote.
        """
        reading = self._from_the_start()
        for entry in reading.manifest.entries:
            reading.block(entry)
            if progress is not None:
                progress(1)
        reading.end()
        self._verified = True

    def restore(
        self, service: GalleryService, gallery: str | None = None, progress: Progress | None = None
    ) -> str:
        """Put the gallery into a database, whole or not at all, and only if all of it verifies.

        Parameters
        ----------
        service
            The keyless side.
        gallery
            The name to give it; by default its own.
        progress
            Called with the number of blocks that were just finished.

        Returns
        -------
        str
            The gallery's name.

        Raises
        ------
        BackupError
            If the file is truncated, damaged, or not what its owner wrote.
        GalleryExistsError
            If the name is taken, or the same gallery is there under another name.
        GalleryError
            If the name is none for a gallery.
        """
        if gallery is not None:
            check_name(gallery)
        if not self._verified:
            self.verify()
        reading = self._from_the_start()
        description = reading.description
        if gallery is not None and gallery != description.name:
            description = reading.authenticator.sign(replace(description, name=gallery))
        if not reading.manifest.entries:
            reading.end()
        service.restore(description, reading.manifest, _blocks(reading, progress))
        return description.name

    def _from_the_start(self) -> BackupReader:
        """Begin a pass through the file, which must hold the same state as at first."""
        reading = BackupReader(self._file, self._key, self._path)
        if (reading.description, reading.manifest) != (self.description, self.manifest):
            raise BackupError(f"the backup {self._path} changed while it was read; try again")
        return reading


def _blocks(reading: BackupReader, progress: Progress | None) -> Iterator[BlockUpdate]:
    """Yield all blocks; the last one not before the end of the file is checked."""
    last = len(reading.manifest.entries) - 1
    for entry in reading.manifest.entries:
        item = reading.block(entry)
        if entry.index == last:
            reading.end()
        yield item
        if progress is not None:
            progress(1)


def _open(path: Path) -> BinaryIO:
    try:
        if path.exists() and not path.is_file():
            raise BackupError(f"cannot read the backup {path}: it is not a regular file")
        return path.open("rb")
    except OSError as error:
        raise unreadable(path, error) from error

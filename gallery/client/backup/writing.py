"""The writing of a backup file: one consistent, checked state of a gallery."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from gallery.client.atomic_file import atomic_write
from gallery.client.backup.format import BackupWriter
from gallery.client.progress import Progress
from gallery.client.session import GallerySession
from gallery.errors import (
    AuthenticationError,
    BackupError,
    BackupExistsError,
    MissingBlockError,
    WriteConflictError,
)
from gallery.hints import Hint
from gallery.messages import Manifest, ManifestEntry

_ATTEMPTS = 5


def write_backup(
    session: GallerySession, path: str | os.PathLike[str], progress: Progress | None = None
) -> Manifest:
    """Write one consistent, checked state of a gallery into a new file.

    Parameters
    ----------
    session
        The gallery.
    path
        The file, which must not exist. Only its owner can read it, and it appears under its name
        complete or not at all.
    progress
        Called with the number of blocks that were just finished.

    Returns
    -------
    Manifest
        The manifest of the state that was written.

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
        with atomic_write(path) as file:
            return _write(session, file, progress)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError as error:
        raise BackupError(f"cannot write the backup {path}: {error.strerror}") from error


def _write(session: GallerySession, file: BinaryIO, progress: Progress | None) -> Manifest:
    """Write a backup; start again if the gallery changes, for the manifest comes first in it."""
    reported = 0
    for _ in range(_ATTEMPTS):
        file.seek(0)
        file.truncate()
        manifest = session.manifest()
        writer = BackupWriter(file, session.key, session.description, manifest)
        if not _copy_check_sums(session, manifest, writer):
            continue
        for entry in manifest.entries:
            if not _copy_block(session, manifest, entry, writer):
                break
            if progress is not None and entry.index >= reported:
                progress(1)
                reported += 1
        else:
            writer.end()
            return manifest
    raise WriteConflictError(
        "other processes keep changing the gallery; nothing was exported", hint=Hint.TRY_AGAIN
    )


def _copy_check_sums(session: GallerySession, manifest: Manifest, writer: BackupWriter) -> bool:
    """Check and write the check sums, if there are any; return False as `_copy_block` does."""
    if not session.check_sums.are_kept or not manifest.entries:
        return True
    sealed = session.service.check_sums(session.gallery_id)
    try:
        session.check_sums.unsealed(manifest, sealed)
    except AuthenticationError:
        if session.manifest() != manifest:
            return False
        raise
    writer.message(sealed.to_bytes())
    return True


def _copy_block(
    session: GallerySession, manifest: Manifest, entry: ManifestEntry, writer: BackupWriter
) -> bool:
    """Check and write a block; return False if a newer manifest has superseded this one."""
    service, gallery_id = session.service, session.gallery_id
    try:
        block = service.block(gallery_id, entry.index)
        stored = service.references(gallery_id, entry.index)
    except MissingBlockError:
        if session.manifest() != manifest:
            return False
        raise
    for header in (block.header, stored.header):
        if header.mac != entry.block_mac and session.manifest() != manifest:
            return False
        session.authenticator.check_header(header, entry)
    block.check()
    table = stored.table.to_bytes()
    if hashlib.sha256(table).digest() != block.header.references_digest:
        raise AuthenticationError(
            f"the references of block {entry.index} are not the ones that were enrolled: some "
            "were changed, moved or dropped; nothing was exported",
            hint=Hint.VERIFY,
        )
    # A seed is the sender's choice, and a backup's blocks all have one size: without.
    writer.message(replace(block, seed=None).to_bytes())
    writer.message(table)
    return True


def _exists(path: Path) -> BackupExistsError:
    return BackupExistsError(f"there is a file at {path} already; it is not overwritten")

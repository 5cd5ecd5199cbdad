"""The reading of a backup file: all of it is checked before anything is restored."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final

from gallery.client.backup.format import BackupReader, unreadable
from gallery.client.gallery_names import new_name
from gallery.client.integrity.authentication import Authenticator
from gallery.client.integrity.rollback import GalleryStates, SeenStates, restored_id
from gallery.client.keys.secrets import GalleryKey, Secret
from gallery.client.progress import Progress
from gallery.closing import Closing
from gallery.errors import BackupError, GalleryExistsError
from gallery.hints import Hint
from gallery.messages import BlockUpdate, GalleryDescription
from gallery.messages.naming import check_name, normal_name
from gallery.protocol import GalleryService


class Backup(Closing, Secret):
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

    def is_seen(self, states: SeenStates, gallery: str | None = None) -> bool:
        """Tell whether the owner has seen a gallery whose place a restored one would take.

        Parameters
        ----------
        states
            The newest states of galleries that were seen.
        gallery
            The name that it would be given; by default its own.
        """
        gallery_id, own = self.description.gallery_id, self.description.name
        name = normal_name(own if gallery is None else gallery)
        in_its_place = [gallery_id] if name == normal_name(own) else []
        places = [restored_id(gallery_id, name), *in_its_place]
        return any(states.newest(place) is not None for place in places)

    def restore(
        self,
        service: GalleryService,
        gallery: str | None = None,
        progress: Progress | None = None,
        *,
        states: SeenStates | None = None,
    ) -> str:
        """Put the gallery into a database, whole or not at all, and only if all of it verifies.

        The restored gallery is another one than the gallery that was backed up: it has a lineage,
        and neither of the two is taken for the other.

        Parameters
        ----------
        service
            The keyless side.
        gallery
            The name to give it; by default its own.
        progress
            Called with the number of blocks that were just finished.
        states
            Remember the restored gallery here, unless one was seen whose place it would take.

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
            If the name is not valid for a gallery.
        """
        wanted = self.description.name if gallery is None else gallery
        check_name(wanted)
        if not self._verified:
            self.verify()
        name = new_name(service, wanted)
        reading = self._from_the_start()
        former = reading.description
        owner = Authenticator(self._key, former.gallery_id, restored_as=name)
        manifest = owner.restored_manifest(reading.manifest)
        if not manifest.entries:
            reading.end()
        blocks = _blocks(reading, progress)
        description = owner.sign(replace(former, name=name))
        try:
            service.restore(description, manifest, blocks, reading.check_sums)
        except GalleryExistsError as error:
            raise _same_gallery(service, description) or error from None
        if states is not None and not self.is_seen(states, name):
            GalleryStates(states, former.gallery_id, name, restored=True).remember(manifest)
        return name

    def _from_the_start(self) -> BackupReader:
        """Begin a pass through the file, which must hold the same state as at first."""
        reading = BackupReader(self._file, self._key, self._path)
        if (reading.description, reading.manifest) != (self.description, self.manifest):
            raise BackupError(f"the backup {self._path} changed while it was read; try again")
        return reading


def _same_gallery(service: GalleryService, wanted: GalleryDescription) -> GalleryExistsError | None:
    """Return the error for a gallery that is there under another name, for which no name is free.

    None if it is the name that is taken.
    """
    for name in service.gallery_names():
        if name != wanted.name and service.describe(name).gallery_id == wanted.gallery_id:
            return GalleryExistsError(
                f"this same gallery is there already, under the name {name!r}",
                hint=Hint.RESTORE_ELSEWHERE,
            )
    return None


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

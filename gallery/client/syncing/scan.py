"""The scan of a folder with one sub-folder per person: its photos, their labels and digests."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gallery.client.integrity.labels import file_digest, normalize_label
from gallery.client.photos.failures import PhotoFailure
from gallery.client.photos.folder_walk import FolderWalk, PassedOver
from gallery.client.photos.folders import labelled_photos, loose_photos, without_photos
from gallery.client.photos.sources import PhotoName
from gallery.client.progress import Progress
from gallery.client.regular_file import open_regular
from gallery.client.syncing.ledger import Stamp
from gallery.errors import InvalidLabelError

_COARSE_SECONDS: Final = 2.0
"""The coarsest times of file systems (FAT): a file that changed so shortly before it was read may
change again and have the same times."""


@dataclass(frozen=True)
class ScannedPhoto:
    """A photo as it was found.

    Attributes
    ----------
    path
        The photo.
    name
        Its name within the folder, with slashes.
    label
        Whom it shows, normalised.
    digest
        Digest of its content, 32 bytes.
    """

    path: Path
    name: str
    label: str
    digest: bytes


@dataclass
class FolderScan:
    """The content of a folder.

    Attributes
    ----------
    photos
        The photos that could be read, sorted by label, then by path.
    failures
        Photos and folders that could not be looked at. References from there may not be gone.
    unsettled
        Photos that were changing while they were looked at, or just before; the same holds.
    empty
        Folders of people that hold no photo.
    passed_over
        Entries that are hidden, litter, ignored, or no photos.
    stamps
        Contents that need not be read the next time, by name.
    """

    photos: list[ScannedPhoto] = field(default_factory=list)
    failures: list[PhotoFailure] = field(default_factory=list)
    unsettled: list[Path] = field(default_factory=list)
    empty: tuple[PhotoFailure, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()
    stamps: dict[str, Stamp] = field(default_factory=dict)


def scan_folder(
    top: Path,
    known: Mapping[str, Stamp],
    *,
    settle: float = 0.0,
    progress: Progress | None = None,
) -> FolderScan:
    """Scan a folder.

    Parameters
    ----------
    top
        The folder.
    known
        Contents from an earlier scan, by name: files that have not changed are not read again.
    settle
        Seconds for which a file must not have changed: before, it may not be complete yet.
    progress
        Called with the number of photos that were just looked at.

    Raises
    ------
    SourceError
        If the folder cannot be read, or all of its photos lie outside any person's folder.
    """
    walk = FolderWalk.over(top)
    found = labelled_photos(top, walk)
    scan = FolderScan(
        failures=[*loose_photos(top, walk), *walk.failures],
        empty=tuple(without_photos(top, walk)),
        passed_over=tuple(walk.passed_over),
    )
    for photo in found:
        name = name_of(top, photo.path)
        try:
            label = normalize_label(photo.label)
            stamp = _content(photo.path, known.get(name), settle)
        except OSError as error:
            reason = f"cannot be read: {error.strerror or error}"
            scan.failures.append(PhotoFailure(photo.path, reason))
        except InvalidLabelError as error:
            scan.failures.append(PhotoFailure.of(photo.path, error))
        else:
            if stamp is None:
                scan.unsettled.append(photo.path)
            else:
                scan.photos.append(ScannedPhoto(photo.path, name, label, stamp.digest))
                if _is_certain(stamp):
                    scan.stamps[name] = stamp
        if progress is not None:
            progress(1)
    return scan


def name_of(top: Path, path: PhotoName) -> str:
    """Return the name of a file within the folder, as ledgers have it."""
    return Path(path).relative_to(top).as_posix()


def _content(path: Path, known: Stamp | None, settle: float) -> Stamp | None:
    """Return a photo's content, or None if it is changing."""
    before = os.stat(path)
    if _age(before.st_mtime_ns, before.st_ctime_ns) < settle:
        return None
    if known is not None and known.holds_for(before):
        return known
    with open_regular(path) as file:
        digest = file_digest(file)
        after = os.fstat(file.fileno())
    stamp = Stamp(after.st_size, after.st_mtime_ns, after.st_ctime_ns, after.st_ino, digest)
    return stamp if stamp.holds_for(before) else None


def _age(*moments: int) -> float:
    """Return the seconds since the last of some moments; those of clocks ahead are long ago."""
    age = time.time() - max(moments) / 1e9
    return age if age >= 0 else float("inf")


def _is_certain(stamp: Stamp) -> bool:
    return _age(stamp.modified, stamp.changed) > _COARSE_SECONDS

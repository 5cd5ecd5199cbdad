"""Photos in folders; those to enroll lie in one sub-folder per person, named by the label.

Photos are recognised by content. Every other entry is named: one that may hide a photo, such as a
broken link, is a failure, and one that is no photo is passed over.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar, overload

from gallery.client.photos.failures import PhotoFailure
from gallery.client.photos.folder_walk import FolderWalk, PassedOver
from gallery.errors import SourceError

Item = TypeVar("Item", covariant=True)


@dataclass(frozen=True)
class LabelledPhoto:
    """A photo and whom it shows.

    Attributes
    ----------
    path
        The photo.
    label
        The person's label: the name of the folder that holds the photo.
    """

    path: Path
    label: str


@dataclass(frozen=True)
class FoundPhotos(Sequence[Item], Generic[Item]):
    """The photos of a folder, a sequence of them, and what else was found there.

    Attributes
    ----------
    photos
        The photos themselves.
    failures
        Entries that could not be looked at, people without a photo, photos in no person's folder.
    passed_over
        Entries that are no photos.
    """

    photos: tuple[Item, ...]
    failures: tuple[PhotoFailure, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()

    def __len__(self) -> int:
        return len(self.photos)

    @overload
    def __getitem__(self, index: int) -> Item: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Item, ...]: ...

    def __getitem__(self, index: int | slice) -> Item | tuple[Item, ...]:
        return self.photos[index]


def find_photos(folder: str | os.PathLike[str]) -> FoundPhotos[LabelledPhoto]:
    """Find the photos of a folder that holds one sub-folder per person.

    Deeper folders are searched too and count for the person at the top. Links to folders are
    followed once, unless they lead to what is searched anyway.

    Parameters
    ----------
    folder
        The folder.

    Returns
    -------
    FoundPhotos of LabelledPhoto
        Sorted by label, then by path.

    Raises
    ------
    SourceError
        The folder does not exist, holds no photo, or none in any person's folder.
    """
    top = Path(folder)
    walk = FolderWalk.over(top)
    found = labelled_photos(top, walk)
    if not found:
        raise _no_photos(top, walk, "it needs one sub-folder per person")
    return FoundPhotos(
        found,
        (*loose_photos(top, walk), *walk.failures, *without_photos(top, walk)),
        tuple(walk.passed_over),
    )


def labelled_photos(top: Path, walk: FolderWalk) -> tuple[LabelledPhoto, ...]:
    """Return the photos of a walk with their people, sorted by label, then by path.

    Raises
    ------
    SourceError
        If all photos lie outside any person's folder.
    """
    loose = [path for path in walk.photos if path.parent == top]
    if loose and len(loose) == len(walk.photos):
        raise SourceError(
            f"{len(loose)} photo(s) lie directly in {top}, the first is {loose[0].name}: "
            f"{_folder_needed(loose[0])}"
        )
    found = [
        LabelledPhoto(path, path.relative_to(top).parts[0])
        for path in walk.photos
        if path.parent != top
    ]
    return tuple(sorted(found, key=lambda photo: (photo.label, photo.path)))


def loose_photos(top: Path, walk: FolderWalk) -> list[PhotoFailure]:
    """Name the photos of a walk that lie outside any person's folder."""
    return [
        PhotoFailure(path, f"in no person's folder: {_folder_needed(path)}")
        for path in walk.photos
        if path.parent == top
    ]


def find_probe_photos(folder: str | os.PathLike[str]) -> FoundPhotos[Path]:
    """Find all photos in and below a folder, sorted; see `find_photos`.

    Parameters
    ----------
    folder
        The folder.

    Returns
    -------
    FoundPhotos of Path
        Sorted by path.

    Raises
    ------
    SourceError
        If there are none, or the folder cannot be read.
    """
    top = Path(folder)
    walk = FolderWalk.over(top)
    if not walk.photos:
        raise _no_photos(top, walk)
    return FoundPhotos(tuple(walk.photos), tuple(walk.failures), tuple(walk.passed_over))


def _folder_needed(photo: Path) -> str:
    return f"each person needs a folder, such as {photo.parent / 'some-name' / photo.name}"


def without_photos(top: Path, walk: FolderWalk) -> list[PhotoFailure]:
    """Name the people none of whose photos was found, unless something in the way is named."""
    told = {path.relative_to(top).parts[0] for path in walk.photos}
    told |= {Path(failure.path).relative_to(top).parts[0] for failure in walk.failures}
    return [
        PhotoFailure(path, "the folder holds no photo")
        for path in walk.folders
        if path.parent == top and path.name not in told
    ]


def _no_photos(top: Path, walk: FolderWalk, needs: str = "") -> SourceError:
    said = f"The folder {top} holds no photos"
    if walk.failures:
        first = walk.failures[0]
        said += f"; what could not be read: {len(walk.failures)}, the first is {first.path}"
        return SourceError(f"{said} ({first.reason})")
    if walk.passed_over:
        first_passed = walk.passed_over[0]
        said += (
            f"; what was passed over: {len(walk.passed_over)}, the first is {first_passed.path}"
            f" ({first_passed.reason})"
        )
    return SourceError(f"{said}: {needs}." if needs else said)

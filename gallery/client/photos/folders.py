"""Photos in folders; those to enroll lie in one sub-folder per person, named by the label."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gallery.errors import SourceError

READABLE: Final = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp", ".tif", ".tiff"})
# Listed as photos so that they are reported as unreadable instead of being passed over in silence.
UNREADABLE: Final = frozenset({".heic", ".heif", ".avif", ".gif", ".dng", ".cr2", ".nef", ".arw"})


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


def is_photo(path: str | os.PathLike[str]) -> bool:
    """Whether a path looks like a photo: by its extension alone, and not hidden."""
    name = Path(path)
    return not _hidden(name) and name.suffix.lower() in READABLE | UNREADABLE


def find_photos(folder: str | os.PathLike[str]) -> list[LabelledPhoto]:
    """List the photos of a folder that holds one sub-folder per person.

    Hidden files and folders and files that are no photos are passed over; deeper folders are
    searched too and count for the person at the top.

    Returns
    -------
    list of LabelledPhoto
        Sorted by label, then by path.

    Raises
    ------
    SourceError
        The folder does not exist, is empty, has photos outside any person's folder, or a person
        without any photo.
    """
    top = Path(folder)
    try:
        entries = sorted(entry for entry in top.iterdir() if not _hidden(entry))
        loose = [entry.name for entry in entries if entry.is_file() and is_photo(entry)]
        if loose:
            raise SourceError(
                f"{len(loose)} photo(s) lie directly in {top}, the first is {loose[0]}: each person"
                f" needs a folder, such as {top / 'some-name' / loose[0]}"
            )
        people = [entry for entry in entries if entry.is_dir()]
        found = [LabelledPhoto(path, who.name) for who in people for path in _photos_below(who)]
    except OSError as error:
        raise SourceError(f"The folder {top} cannot be read: {error.strerror or error}") from error
    if not people:
        raise SourceError(f"The folder {top} holds no photos: it needs one sub-folder per person.")
    if lacking := {who.name for who in people} - {photo.label for photo in found}:
        first = sorted(lacking)[0]
        raise SourceError(f"{len(lacking)} folder(s) in {top} hold no photo, the first is {first}")
    return found


def find_probe_photos(folder: Path) -> list[Path]:
    """Return all photos in and below a folder, sorted; hidden files and folders are passed over.

    Raises
    ------
    SourceError
        If there are none, or the folder cannot be read.
    """
    try:
        found = _photos_below(folder)
    except OSError as error:
        raise SourceError(f"the folder {folder} cannot be read: {error.strerror}") from error
    if not found:
        raise SourceError(f"the folder {folder} holds no photos")
    return found


def _photos_below(folder: Path) -> list[Path]:
    return [
        path
        for path in sorted(folder.rglob("*"))
        if is_photo(path)
        and path.is_file()
        and not any(_hidden(Path(part)) for part in path.relative_to(folder).parts)
    ]


def _hidden(path: Path) -> bool:
    return path.name.startswith(".")

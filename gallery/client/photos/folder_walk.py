"""The walk through a folder of photos: each folder once, and nothing left without a word.

Written on `os.scandir`, because `Path.rglob` follows links in one version of Python and not in
another, and leaves out what it cannot read.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gallery.client.photos.failures import PhotoFailure
from gallery.client.photos.formats import HEAD_BYTES, named_as_photo, picture_format
from gallery.client.photos.ignore_rules import IGNORE_FILE, IgnoreRules
from gallery.client.photos.litter import is_hidden, is_litter
from gallery.client.regular_file import first_bytes, refuse_special
from gallery.errors import SourceError

HIDDEN: Final = "hidden"
LITTER: Final = "made by a system or a NAS for itself"
IGNORED: Final = f"named in {IGNORE_FILE}"
NO_PHOTO: Final = "no photo"
LINKED_AGAIN: Final = "a link to a folder that is searched anyway"
LINKED_ABOVE: Final = "a link to a folder that holds the one searched"

_LEADS_NOWHERE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})

_Identity = tuple[int, int]


@dataclass(frozen=True)
class PassedOver:
    """A file or folder among photos that was passed over, and why.

    Nothing in such a folder is looked at, or listed.

    Attributes
    ----------
    path
        The file or folder.
    reason
        The reason, in words.
    """

    path: Path
    reason: str


@dataclass
class FolderWalk:
    """The files and folders found in and below a folder.

    Attributes
    ----------
    photos
        Files that are photos by their content, also of kinds that cannot be decoded, and those
        that are so by their name; sorted.
    failures
        Entries that could not be looked at: broken links, unreadable folders, pipes, devices.
    passed_over
        Entries that are hidden, litter, ignored, or no photos.
    folders
        The folders that were searched, without the top.
    """

    photos: list[Path] = field(default_factory=list)
    failures: list[PhotoFailure] = field(default_factory=list)
    passed_over: list[PassedOver] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    _seen: set[_Identity] = field(default_factory=set)
    _links: list[tuple[Path, _Identity]] = field(default_factory=list)
    _rules: dict[Path, IgnoreRules] = field(default_factory=dict)

    @classmethod
    def over(cls, top: Path) -> FolderWalk:
        """Walk through a folder.

        Raises
        ------
        SourceError
            If it cannot be read itself, or if what is to be ignored cannot.
        """
        walk = cls()
        try:
            walk._seen.add(_identity(os.stat(top)))
            entries = _entries(top)
            above = _folders_above(top)
        except OSError as error:
            raise SourceError(
                f"The folder {top} cannot be read: {error.strerror or error}"
            ) from error
        walk._rules[top] = IgnoreRules().within(top)
        walk._search(entries)
        # Links come last: what lies in the folder itself keeps its own place.
        while walk._links:
            path, identity = walk._links.pop(0)
            if identity in above:
                walk.passed_over.append(PassedOver(path, LINKED_ABOVE))
            elif identity in walk._seen:
                walk.passed_over.append(PassedOver(path, LINKED_AGAIN))
            else:
                walk._search([path], followed=path)
        walk.photos.sort()
        walk.failures.sort(key=lambda failure: failure.path)
        walk.passed_over.sort(key=lambda passed: passed.path)
        return walk

    def _search(self, entries: list[Path], followed: Path | None = None) -> None:
        """Look at entries of a folder, or at the one link to a folder that is to be followed."""
        waiting = entries[::-1]
        while waiting:
            path = waiting.pop()
            if path.name == IGNORE_FILE:
                continue
            if is_hidden(path.name) or is_litter(path.name):
                reason = HIDDEN if is_hidden(path.name) else LITTER
                self.passed_over.append(PassedOver(path, reason))
                continue
            try:
                found = os.stat(path)
                identity = _identity(found)
                is_folder = stat.S_ISDIR(found.st_mode)
                if self._rules[path.parent].ignore(path, is_folder=is_folder):
                    self.passed_over.append(PassedOver(path, IGNORED))
                elif not is_folder:
                    self._look_at(path, found)
                elif path.is_symlink() and path != followed:
                    self._links.append((path, identity))
                elif identity in self._seen:  # mounted twice
                    self.passed_over.append(PassedOver(path, LINKED_AGAIN))
                else:
                    self._enter(path, identity, waiting)
            except OSError as error:
                if not self._rules[path.parent].ignore(path, is_folder=False):
                    self.failures.append(PhotoFailure(path, _reason(path, error)))

    def _enter(self, path: Path, identity: _Identity, waiting: list[Path]) -> None:
        self._seen.add(identity)
        self.folders.append(path)
        entries = _entries(path)
        self._rules[path] = self._rules[path.parent].within(path)
        waiting += entries[::-1]

    def _look_at(self, path: Path, found: os.stat_result) -> None:
        refuse_special(path, found.st_mode)
        by_name = named_as_photo(path.suffix)
        if by_name or picture_format(first_bytes(path, HEAD_BYTES)) is not None:
            self.photos.append(path)
        else:
            self.passed_over.append(PassedOver(path, NO_PHOTO))


def _entries(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return sorted(folder / entry.name for entry in entries)


def _folders_above(top: Path) -> set[_Identity]:
    return {_identity(os.stat(folder)) for folder in Path(os.path.realpath(top)).parents}


def _identity(found: os.stat_result) -> _Identity:
    return found.st_dev, found.st_ino


def _reason(path: Path, error: OSError) -> str:
    if error.errno in _LEADS_NOWHERE and path.is_symlink():
        return f"a link that leads nowhere, to {os.readlink(path)}"
    return f"cannot be read: {error.strerror or error}"

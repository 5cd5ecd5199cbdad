"""The folder of the owner's cache: a sub-folder for each gallery, bounded in size.

No fault of the cache stops a command: a file that cannot be read is requested again, and one that
cannot be written is left out.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gallery.client.atomic_file import atomic_write
from gallery.client.regular_file import open_regular

DEFAULT_LIMIT: Final = 2 * 1024**3
"""Bytes of a cache unless it is said otherwise: the references of nine million people."""

_UNUSED_SECONDS: Final = 30 * 86400.0
"""After so long, a gallery that nobody opened here is dropped, since nobody else would: it may have
been erased, or renewed on another machine."""

_GALLERY: Final = re.compile(r"[0-9a-f]{32}")
_KEPT: Final = re.compile(r"(?:[0-9a-f]{8}-[0-9a-f]{32}\.(?:references|block)|check-sums)")
_UNFINISHED: Final = re.compile(r"\.(.+)\.partial-[^.]+")


@dataclass(frozen=True)
class CachedGallery:
    """The cached files of one gallery, in sum.

    Attributes
    ----------
    gallery_id
        The gallery's identifier, 32 hexadecimal digits; of one that was restored from a backup, a
        digest of its identifier and its name.
    blocks
        Blocks whose references are kept.
    size
        Bytes of all that is kept.
    used
        When it was last used, seconds since 1970 UTC.
    """

    gallery_id: str
    blocks: int
    size: int
    used: int


class CacheFolder:
    """A folder that keeps what was read from galleries and checked, for this machine's owner.

    Parameters
    ----------
    path
        The folder; made when it is first needed, for its owner alone. Processes may share it.
    limit
        Most bytes of all files in it. Galleries that were not used for the longest time are
        dropped first; of a gallery that is larger, the first blocks are kept.
    told
        Called once with a line if nothing can be kept, and why.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        limit: int = DEFAULT_LIMIT,
        told: Callable[[str], None] | None = None,
    ) -> None:
        self.path, self.limit = Path(path), limit
        self._told, self._given_up = told, False

    def galleries(self) -> tuple[CachedGallery, ...]:
        """Return the cached galleries, the one that was used last first.

        Raises
        ------
        OSError
            If the folder is there and cannot be read.
        """
        found = [_summary(folder) for folder in self._folders()]
        return tuple(
            sorted((item for item in found if item is not None), key=lambda item: -item.used)
        )

    def clear(self) -> None:
        """Remove all that is kept, and nothing else that lies in the folder.

        Raises
        ------
        OSError
            If something cannot be removed.
        """
        for folder in self._folders():
            _remove(folder)

    def folder_of(self, place: bytes) -> Path:
        """Return the folder of a gallery, by the identifier that its states are seen under."""
        return self.path / place.hex()

    def read(self, path: Path, most: int) -> bytes | None:
        """Return the content of a file; None if it cannot be read, or has more bytes.

        A cache of no size has nothing for anybody: what is left in it can only be dropped.
        """
        if not self.limit:
            return None
        with suppress(OSError), open_regular(path) as file:
            if os.fstat(file.fileno()).st_size <= most:
                return file.read(most)
            self.remove(path)
        return None

    def remove(self, path: Path) -> None:
        """Remove a file if that can be done."""
        with suppress(OSError):
            path.unlink()

    def write(self, path: Path, content: bytes) -> bool:
        """Write a file for its owner alone; tell whether there is anything to be gained by more."""
        if self._given_up or not self.limit:
            return False
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            # Not synchronised: a file that a power cut left incomplete is noticed when it is read.
            with atomic_write(path, overwrite=True, durable=False) as file:
                file.write(content)
        except FileNotFoundError:  # another process cleared the cache just now
            return False
        except OSError as error:
            self._give_up(error)
            return False
        return True

    def used(self, folder: Path) -> None:
        """Note that a gallery was used now, and drop those that were not for a long time."""
        with suppress(OSError):
            os.utime(folder)
            for other in self._folders():
                if other != folder and time.time() - other.stat().st_mtime > _UNUSED_SECONDS:
                    _remove(other)

    def make_room(self, folder: Path, wanted: int) -> None:
        """Drop other galleries, those not used for the longest time first, for so many bytes."""
        with suppress(OSError):
            others = [item for item in self.galleries() if item.gallery_id != folder.name]
            taken = wanted + sum(size for _, size in _files(folder))
            taken += sum(item.size for item in others)
            for item in reversed(others):
                if taken <= self.limit:
                    break
                _remove(self.path / item.gallery_id)
                taken -= item.size

    def _folders(self) -> list[Path]:
        """Return the folders of galleries, links to others left out."""
        try:
            with os.scandir(self.path) as entries:
                return [
                    Path(entry.path)
                    for entry in entries
                    if _GALLERY.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
                ]
        except FileNotFoundError:
            return []

    def _give_up(self, error: OSError) -> None:
        """Leave the cache alone from here on: a full or read-only disk stays so for a while."""
        self._given_up = True
        if self._told is not None:
            no_folder = isinstance(error, FileExistsError | NotADirectoryError)
            reason = "it is no folder" if no_folder else error.strerror or error
            self._told(f"nothing is kept in {self.path} for the next time: {reason}")


def kept_files(folder: Path) -> dict[str, int]:
    """Return the sizes of the files that are kept in a gallery's folder, by name."""
    return {name: size for name, size in _files(folder) if _KEPT.fullmatch(name)}


def drop_files(folder: Path, keep: Callable[[str], bool]) -> None:
    """Drop the files of a gallery's folder whose names are not to be kept, unfinished ones too."""
    for name, _ in list(_files(folder)):
        unfinished = _UNFINISHED.fullmatch(name)
        if not keep(unfinished[1] if unfinished else name):
            with suppress(OSError):
                os.unlink(folder / name)


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield names and sizes of the files that this program makes in a gallery's folder."""
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            unfinished = _UNFINISHED.fullmatch(entry.name)
            if _KEPT.fullmatch(unfinished[1] if unfinished else entry.name):
                with suppress(FileNotFoundError):
                    found = entry.stat(follow_symlinks=False)
                    if not stat.S_ISDIR(found.st_mode):
                        yield entry.name, found.st_size


def _summary(folder: Path) -> CachedGallery | None:
    """Return the summary of a gallery's folder, or None if it is gone."""
    with suppress(FileNotFoundError):
        files = list(_files(folder))
        blocks = sum(name.endswith(".references") for name, _ in files)
        size = sum(size for _, size in files)
        return CachedGallery(folder.name, blocks, size, int(folder.stat().st_mtime))
    return None


def _remove(folder: Path) -> None:
    """Remove what this program made of a gallery's folder; other processes may do so, too."""
    for name, _ in list(_files(folder)):
        with suppress(FileNotFoundError):
            os.unlink(folder / name)
    # A process may be writing, or something else lie there.
    with suppress(OSError):
        folder.rmdir()

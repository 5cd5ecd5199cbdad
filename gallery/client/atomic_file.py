"""Files that have their name when they are complete, and not before."""

from __future__ import annotations

import errno
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_STALE_SECONDS = 600.0
"""After so long, an unfinished file is what a process left that was killed."""


@contextmanager
def atomic_write(path: Path, *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """Give a file to write that takes its name on leaving, if no error came first.

    Whatever happens, the name leads to nothing or all, to the old content or the new, also after a
    power cut. The file is readable by its owner alone.

    Parameters
    ----------
    path
        The name.
    overwrite
        Whether the file may take the place of another one.

    Raises
    ------
    FileExistsError
        If there is a file of this name, and it is not to be replaced.
    OSError
        If the file cannot be written; ``strerror`` says why.
    """
    prefix = f".{path.name}.partial-"
    handle, temporary = tempfile.mkstemp(prefix=prefix, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            os.replace(temporary, path)
        else:
            _link(temporary, path)
        _sweep(path.parent, prefix)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
    _sync_folder(path.parent)


def _link(temporary: str, path: Path) -> None:
    """Give a complete file its name; unlike a rename, a hard link fails if the name exists."""
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP):
            raise
        reason = "its file system has no hard links; write it to another folder and copy it"
        raise OSError(error.errno, reason) from error


def _sweep(folder: Path, prefix: str) -> None:
    """Remove what killed processes left under this name: it may hold the same secrets.

    Others may be writing at this moment, so young files stay.
    """
    for left in folder.iterdir():
        with suppress(OSError):
            if left.name.startswith(prefix) and time.time() - left.stat().st_mtime > _STALE_SECONDS:
                left.unlink()


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder survive a power cut, where the system has a way to say so."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

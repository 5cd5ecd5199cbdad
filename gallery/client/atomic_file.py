"""Atomic files, which have their name when they are complete, and not before."""

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

_NO_SUCH_CALL = frozenset({errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
"""Errors of file systems that do not have what they are asked for."""

_NO_LINKS = _NO_SUCH_CALL | {errno.EPERM, errno.EACCES, errno.EMLINK, errno.EXDEV}
"""Errors of file systems that have no hard links, and of systems that forbid them."""


@contextmanager
def atomic_write(
    path: Path, *, overwrite: bool = False, durable: bool = True
) -> Iterator[BinaryIO]:
    """Give a file to write that takes its name on leaving, if no error came first.

    In any case the name leads to nothing or all, to the old content or the new, also after a
    power cut; only on a file system without hard links one may leave an empty file. The file is
    readable by its owner alone.

    Parameters
    ----------
    path
        The name.
    overwrite
        Whether the file may take the place of another one.
    durable
        Whether to wait until the disk has it. If not, a power cut can leave anything in the file;
        that is for what is checked when it is read, and can be had again.

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
            with suppress(OSError, AttributeError):
                # Its owner can open it again, whatever the umask takes away.
                os.fchmod(handle, 0o600)
            yield file
            file.flush()
            if durable:
                _sync(file.fileno())
        if overwrite:
            os.replace(temporary, path)
        else:
            _link(temporary, path)
        _sweep(path.parent, prefix)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
    if durable:
        _sync_folder(path.parent)


def _link(temporary: str, path: Path) -> None:
    """Give a complete file its name; unlike a rename, a hard link fails if the name exists."""
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _claim(temporary, path)


def _claim(temporary: str, path: Path) -> None:
    """Give a complete file its name where there are no hard links, as on sticks and SMB shares.

    The name is taken by an empty file first, which fails if it exists. A power cut between the two
    steps leaves that.
    """
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(path)
        raise


def _sweep(folder: Path, prefix: str) -> None:
    """Remove what killed processes left under this name: it may hold the same secrets.

    Others may be writing at this moment, so young files stay. A folder that can be written to and
    not read is left as it is.
    """
    with suppress(OSError):
        for left in folder.iterdir():
            if left.name.startswith(prefix):
                with suppress(OSError):
                    if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                        left.unlink()


def _sync(handle: int) -> None:
    """Wait until the disk has a file, where the file system has a way to say so."""
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_SUCH_CALL:
            raise


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder survive a power cut, where the system has a way to say so."""
    if os.name != "posix":
        return
    # The file is there by now. Network file systems refuse this, and folders without read access.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

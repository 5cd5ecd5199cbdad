"""Regular files: opened without waiting, and told from pipes, devices and sockets."""

from __future__ import annotations

import errno
import os
import stat
from typing import IO, Final

_KINDS: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
)

# A pipe opened without it waits for a writer, for ever where there is none.
_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


class NotRegularFileError(OSError):
    """A path leads to a folder, a pipe, a device or a socket; ``strerror`` says to which."""


def refuse_special(path: str | os.PathLike[str], mode: int) -> None:
    """Refuse anything but a regular file, given its mode as `os.stat` has it."""
    if not stat.S_ISREG(mode):
        kind = next((word for test, word in _KINDS if test(mode)), "a device")
        raise NotRegularFileError(errno.EINVAL, f"it is {kind}", os.fspath(path))


def open_regular(path: str | os.PathLike[str]) -> IO[bytes]:
    """Open a regular file, or a link to one, to read its bytes.

    Raises
    ------
    NotRegularFileError
        It is something else: opening a pipe would wait, and a device may do anything.
    OSError
        It cannot be opened.
    """
    # Twice: once so that no device is opened, once for what was opened in the end.
    refuse_special(path, os.stat(path).st_mode)
    descriptor = os.open(path, _FLAGS)
    try:
        refuse_special(path, os.fstat(descriptor).st_mode)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def first_bytes(path: str | os.PathLike[str], count: int) -> bytes:
    """Return the first bytes of a regular file; raises what `open_regular` raises."""
    with open_regular(path) as file:
        return file.read(count)

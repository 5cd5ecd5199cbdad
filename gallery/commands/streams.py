"""The standard streams of a command: always open, fit for every name, never lost in silence.

A process may be started with a stream closed, into a full disk, for a reader that goes away, or
with an encoding that lacks half of the world's names. None of this may turn finished work into an
internal error, nor hide that its report was lost.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from typing import Any, Final, NoReturn

_ORDER: Final = "le" if sys.byteorder == "little" else "be"

_UNSIGNED: Final = {
    "utf-8-sig": "utf-8",
    "utf-16": f"utf-16-{_ORDER}",
    "utf-32": f"utf-32-{_ORDER}",
}
"""Encodings that write a byte order mark first, which no JSON begins with, and the same without."""


class OutputLostError(Exception):
    """Results could not be written to standard output.

    Parameters
    ----------
    reason
        Why not.
    consequence
        What became of the work.
    """

    def __init__(self, reason: str, consequence: str = "its work is kept") -> None:
        super().__init__(f"the output could not be written: {reason}; {consequence}")
        self.reason = reason


def open_streams() -> None:
    """Make standard streams of this process that can be used, whatever it was started with."""
    _occupy()
    sys.stdin = sys.stdin or open(0, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    sys.stdout = _text(_Results(io.FileIO(1, "wb", closefd=False)), sys.stdout)
    sys.stderr = _text(io.BufferedWriter(_Notices(2, "wb", closefd=False)), sys.stderr)


def abandon_output() -> None:
    """Send what is left of the output nowhere, so that it is not complained about once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def end_at_once(exit_code: int) -> NoReturn:
    """End this process although threads are at work that nobody can stop."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)


def _occupy() -> None:
    """Open what is closed of the first three descriptors.

    Else the next file that is opened would get the number, and what is printed would go into it.
    """
    # Written to, this one fails as a closed one would: nobody shall believe that output arrived.
    for number, flags in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)


class _Results(io.BufferedWriter):
    """Standard output, whose failures are told apart from those of other files.

    It is the buffer that tells, and not the file below it: a signal that ends a method of Python's
    after the system has written would have the buffer write the same once more.
    """

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise OutputLostError(_reason(error)) from error

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise OutputLostError(_reason(error)) from error


class _Notices(io.FileIO):
    """Standard error, whose failures are ignored: they could be reported to nobody."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)


def _text(buffer: io.BufferedWriter, former: Any) -> io.TextIOWrapper:
    encoding = _usable(getattr(former, "encoding", None) or "utf-8")
    return io.TextIOWrapper(
        buffer, encoding, errors="backslashreplace", line_buffering=buffer.isatty()
    )


def _usable(encoding: str) -> str:
    """Return an encoding of Python's, or UTF-8 in the place of one that is none for a stream.

    Codecs such as ``idna`` fail on most texts.
    """
    try:
        "\x00\t\n \x7f\xe9\u672c\U0001f600".encode(encoding, "backslashreplace")
    except (UnicodeError, LookupError):
        return "utf-8"
    return _UNSIGNED.get(codecs.lookup(encoding).name, encoding)


def _reason(error: OSError) -> str:
    if error.errno == errno.EPIPE:
        return "its reader went away"
    if error.errno == errno.EBADF:
        return "it is closed"
    return error.strerror or type(error).__name__

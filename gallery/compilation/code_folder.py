"""The folder that keeps compiled code, one file for each kernel and kind of processor.

A file starts with a digest of what was compiled and with what, and with one of the code. Code of
another source, of another release of the compiler, or damaged code is compiled anew.

What is read is run. Whoever can write beside the installation can change the program itself; every
other folder, and each file in it, must be this user's or the system's, and for nobody else to write
to.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from gallery.errors import MachineError
from gallery.home_folder import has_home_folder

VARIABLE: Final = "NUMBA_CACHE_DIR"

_DIGEST: Final = hashlib.sha256().digest_size


class _Place(NamedTuple):
    """A folder, and whether it is as trusted as the program whatever its rights say."""

    folder: Path
    beside: bool = False


class CodeFolder:
    """The folders in which the code of the kernels of one module may lie.

    In the folder that is named; else beside the module, or in the home folder.

    Parameters
    ----------
    source
        The module's file.
    """

    def __init__(self, source: Path) -> None:
        self._source = source

    def read(self, name: str, origin: bytes) -> bytes | None:
        """Return kept code, if there is some that was made of this origin, a digest."""
        for place in self._places():
            try:
                content = _content(place, name)
            except OSError:
                continue
            code = content[2 * _DIGEST :]
            if content[: 2 * _DIGEST] == origin + hashlib.sha256(code).digest():
                return code
        return None

    def require(self) -> None:
        """Check that code can be kept.

        Raises
        ------
        MachineError
            If no folder can be written to.
        """
        places = self._places()
        if any(map(_is_writable, places)):
            return
        chosen = os.environ.get(VARIABLE)
        shared = [place.folder for place in places if _is_shared(place)]
        if shared:
            raise MachineError(
                f"compiled code cannot be kept in {shared[0]}: other users own it or can write to "
                "it, and could have their own code run; delete it, or set "
                f"{VARIABLE} to a folder that nobody else can write to"
            )
        raise MachineError(
            f"compiled code cannot be kept in {chosen}, which {VARIABLE} names: it cannot be "
            "written to"
            if chosen
            else "there is no folder to keep compiled code in: neither the installation nor a "
            f"home folder can be written to; set {VARIABLE} to a folder that nobody else can "
            "write to"
        )

    def write(self, name: str, origin: bytes, code: bytes) -> None:
        """Keep code in the first folder that takes it."""
        content = origin + hashlib.sha256(code).digest() + code
        for place in self._places():
            try:
                _make(place)
                _replace(place.folder, name, content)
            except OSError:
                continue
            return

    def _places(self) -> list[_Place]:
        # Installations of several releases must not take each other's place.
        own = hashlib.sha256(os.fsencode(self._source.parent)).hexdigest()[:16]
        if chosen := os.environ.get(VARIABLE):
            return [_Place(Path(chosen) / own)]
        found = [_Place(self._source.parent / "__pycache__", beside=True)]
        if has_home_folder():
            import platformdirs

            cache = platformdirs.user_cache_path("encrypted-face-gallery")
            found.append(_Place(cache / "code" / own))
        return found


def _content(place: _Place, name: str) -> bytes:
    """Read a file (`PermissionError` if others may have written it)."""
    # What was opened is what is looked at: a name may lead elsewhere a moment later.
    with open(place.folder / name, "rb") as file:
        if not place.beside:
            _refuse_shared(os.lstat(place.folder))
            _refuse_shared(os.fstat(file.fileno()))
        return file.read()


def _make(place: _Place) -> None:
    """Make the folder, for this user alone (`PermissionError` if it is there, and shared)."""
    os.makedirs(place.folder.parent, exist_ok=True)
    place.folder.mkdir(mode=0o777 if place.beside else 0o700, exist_ok=True)
    if not place.beside:
        _refuse_shared(os.lstat(place.folder))


def _refuse_shared(found: os.stat_result) -> None:
    """Refuse what another user owns or can write to, and links, whose own rights say nothing."""
    if os.name != "posix":  # rights are another matter there
        return
    of_others = found.st_uid not in (os.geteuid(), 0) or found.st_mode & 0o022
    if of_others or stat.S_ISLNK(found.st_mode):
        raise PermissionError("other users may write to it")


def _is_shared(place: _Place) -> bool:
    try:
        if not place.beside:
            _refuse_shared(os.lstat(place.folder))
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def _replace(folder: Path, name: str, content: bytes) -> None:
    """Write a file that others see whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, folder / name)
    except BaseException:
        os.unlink(temporary)
        raise


def _is_writable(place: _Place) -> bool:
    try:
        _make(place)
        tempfile.TemporaryFile(dir=place.folder).close()
    except OSError:
        return False
    return True

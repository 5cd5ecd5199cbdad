"""The folder that keeps compiled code, one file for each kernel and kind of processor.

A file starts with a digest of what was compiled and with what, and with one of the code. Code of
another source, of another release of the compiler, or damaged code is compiled anew.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Final

from gallery.errors import MachineError
from gallery.home_folder import has_home_folder

VARIABLE: Final = "NUMBA_CACHE_DIR"

_DIGEST: Final = hashlib.sha256().digest_size


class CodeFolder:
    """Where the code of the kernels of one module may lie.

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
        for folder in self._folders():
            try:
                content = (folder / name).read_bytes()
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
        if not any(map(_is_writable, self._folders())):
            chosen = os.environ.get(VARIABLE)
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
        for folder in self._folders():
            try:
                _replace(folder, name, content)
            except OSError:
                continue
            return

    def _folders(self) -> list[Path]:
        # Installations of several releases must not take each other's place.
        own = hashlib.sha256(os.fsencode(self._source.parent)).hexdigest()[:16]
        if chosen := os.environ.get(VARIABLE):
            return [Path(chosen) / own]
        found = [self._source.parent / "__pycache__"]
        if has_home_folder():
            import platformdirs

            found.append(platformdirs.user_cache_path("encrypted-face-gallery") / "code" / own)
        return found


def _replace(folder: Path, name: str, content: bytes) -> None:
    """Write a file that others see whole or not at all."""
    os.makedirs(folder, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, folder / name)
    except BaseException:
        os.unlink(temporary)
        raise


def _is_writable(folder: Path) -> bool:
    try:
        os.makedirs(folder, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True

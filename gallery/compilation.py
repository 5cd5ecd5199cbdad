"""The compilation of kernels by numba, and the folder in which the compiled code is kept."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from numba import config, njit

from gallery.errors import MachineError
from gallery.home_folder import has_home_folder

_VARIABLE: Final = "NUMBA_CACHE_DIR"


def kept(function: Any) -> Callable[..., Any]:
    """Have a function compiled when it is first called, and keep the code for other processes.

    It runs without the interpreter's lock.

    Raises
    ------
    MachineError
        If there is no folder in which the code could be kept.
    """
    if not has_home_folder() and not any(_is_writable(folder) for folder in _others(function)):
        # numba would make a folder named ~ where the program happens to run.
        raise _no_folder()
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError as error:
        if "no locator available" in str(error):
            raise _no_folder() from error
        raise


def _others(function: Any) -> list[Path]:
    """Return where numba keeps code besides the home folder."""
    beside = Path(function.__code__.co_filename).parent / "__pycache__"
    chosen = getattr(config, "CACHE_DIR", "")
    return [Path(chosen), beside] if chosen else [beside]


def _is_writable(folder: Path) -> bool:
    try:
        os.makedirs(folder, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


def _no_folder() -> MachineError:
    return MachineError(
        "there is no folder to keep compiled code in: neither the installation nor a home folder "
        f"can be written to; set {_VARIABLE} to a folder that nobody else can write to"
    )

"""Errors of packages that cannot be loaded on this machine."""

from __future__ import annotations

import traceback
from typing import Final

from gallery.errors import GalleryError, MachineError, MissingDependencyError

_MOST_WORDS: Final = 300
"""Characters of a package's words; some explain themselves over pages."""


def package_refusal(error: Exception) -> GalleryError | None:
    """Return the message for an error of a package that does not fit here, else None.

    Parameters
    ----------
    error
        An error that no part of this program foresaw.
    """
    # NumPy sends a page of advice ahead of some errors.
    words = " ".join(str(error).split()).rpartition("Original error was: ")[2]
    if "baseline optimizations" in words or "NPY_" in words:
        return _unfit(words)
    if not isinstance(error, ImportError) or (error.name or "").partition(".")[0] == "gallery":
        return None
    advice = (
        "there is too little memory for it, or its folder is on a disk from which nothing may run"
        if "failed to map segment" in words
        else "install this program's packages anew, by the Python that runs it"
    )
    return MissingDependencyError(
        f"the package {_package(error)} cannot be loaded: {words[:_MOST_WORDS]}; {advice}"
    )


def _unfit(words: str) -> MachineError:
    """Return NumPy's refusal: of the processor, or of a variable that changes what it makes of it.

    It is compiled for processors since 2009, which virtual machines may not show.
    """
    advice = (
        ""
        if "environment variable" in words
        else "; a virtual machine can hide what its processor has: have it show the host's model"
    )
    return MachineError(f"NumPy cannot be loaded: {words.rstrip('.')}{advice}")


def _package(error: ImportError) -> str:
    if error.name:
        return error.name.partition(".")[0]
    for frame, _ in traceback.walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__", ""))
    return module.partition(".")[0]

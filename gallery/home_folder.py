"""The user's home folder, which services and containers need not have."""

from __future__ import annotations

import os

from gallery.errors import MachineError


def has_home_folder() -> bool:
    """Tell whether this user has a home folder: one that is named, whether or not it is there."""
    # Where HOME is not set and the user is unknown to the system, the tilde stays, and a folder of
    # that name would be made wherever the program runs.
    return os.path.isabs(os.path.expanduser("~")) and os.environ.get("HOME") != ""


def require_home_folder(what: str, variable: str) -> None:
    """Check that what lies in the home folder has a place.

    Parameters
    ----------
    what
        What lies there, as the beginning of a sentence.
    variable
        The environment variable that says where else it may be.

    Raises
    ------
    MachineError
        If this user has no home folder.
    """
    if not has_home_folder():
        raise MachineError(
            f"{what} is in the home folder, and this user has none: set {variable}, or HOME"
        )

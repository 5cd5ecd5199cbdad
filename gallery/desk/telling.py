"""The wording of errors at the desk: the fault, and advice for the person there."""

from __future__ import annotations

from gallery.desk.access.scopes import Holder
from gallery.desk.errors import DeskError
from gallery.desk.texts import english, whole
from gallery.errors import GalleryError


def told(error: GalleryError, status: int, holder: Holder | None) -> str:
    """Return the words for an error; hints, which name calls of the library, are left out.

    Faults of the desk's own machine, such as its database, may name places there: holders who may
    not manage, and people who are not signed in, get the advice alone.

    Parameters
    ----------
    error
        The error.
    status
        Of the answer.
    holder
        The holder of the request, if it is known.
    """
    advice = _advice(error)
    if status >= 500 and (holder is None or holder.is_limited):
        if advice is None and isinstance(error, DeskError):
            return whole(error.message)
        return advice or english()("told.other")
    return whole(error.message if advice is None else f"{error.message}. {advice}")


def _advice(error: GalleryError) -> str | None:
    words = english()
    return next(
        (words(key) for kind in type(error).__mro__ if (key := f"told.{kind.__name__}") in words),
        None,
    )

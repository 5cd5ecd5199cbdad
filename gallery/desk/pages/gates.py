"""The gates before every page of a gallery: the holder, the scope, and the lock of the desk."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request

from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.errors import LockedError, UnknownGalleryError
from gallery.desk.pages.rendering import session_holder
from gallery.desk.rights import FORM_FIELD, check_form, check_scope
from gallery.desk.state import DeskState, state_of
from gallery.desk.uploads import Form, read_form

_LOOK_SECONDS = 5.0
"""The wait of a page for a gallery that was just unlocked to be read: its alarm belongs on it."""


def page_for(scope: DeskScope) -> Callable[..., Holder]:
    """Return a dependency: the holder of a browser's request, if the scope allows it.

    Raises
    ------
    NotSignedInError, NotAllowedError, UnknownGalleryError, LockedError
        If it may not see the page, or the key is not open.
    """

    def check(request: Request, number: int | None = None) -> Holder:
        desk, holder = state_of(request), session_holder(request)
        check_scope(holder, scope)
        if number is not None:
            request.state.gallery = gallery_of(holder, desk, number)  # whose alarm is shown
        if desk.owner.is_locked:
            raise LockedError("the desk is locked")
        desk.owner.used()
        if number is not None:
            desk.owner.look(gallery_name(desk, number), _LOOK_SECONDS)
        return holder

    return check


async def checked_form(request: Request, holder: Holder) -> Form:
    """Return the form that was sent, if it comes from a page of the session (`NotAllowedError`)."""
    desk = state_of(request)
    form = await read_form(request, desk.config)
    check_form(request, desk, holder, form.fields.get(FORM_FIELD, ""))
    return form


def gallery_name(desk: DeskState, number: int) -> str:
    """Return the name of a gallery by its number (`UnknownGalleryError`)."""
    if not 0 <= number < len(desk.owner.names):
        raise _no_such_gallery()
    return desk.owner.names[number]


def gallery_of(holder: Holder, desk: DeskState, number: int) -> str:
    """Return the name of a gallery that a holder may use (`UnknownGalleryError`)."""
    name = gallery_name(desk, number)
    if not holder.may_use(name):
        raise _no_such_gallery()
    return name


def _no_such_gallery() -> UnknownGalleryError:
    return UnknownGalleryError("there is no such gallery")

"""The authorization of each request: its holder, scope, gallery and form token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.requests import Request

from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.errors import NotAllowedError, NotSignedInError, UnknownGalleryError
from gallery.desk.state import DeskState, state_of

FORM_HEADER: Final = "x-form-token"
FORM_FIELD: Final = "form_token"
"""The field in which a form without a script sends the session's form token."""


def holder_of(request: Request) -> Holder:
    """Return the holder of a request, by the token of a program or the cookie of a browser.

    A request with a cookie that changes something must carry the session's form token in the header
    `FORM_HEADER`, which forms without scripts send as a field; see `check_form`. The holder is kept
    with the request, for the words of errors.

    Raises
    ------
    NotSignedInError
        If there is neither, or it is not valid.
    """
    request.state.holder = holder = _holder_of(request)
    return holder


def _holder_of(request: Request) -> Holder:
    desk = state_of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return desk.tokens.holder(token.strip())
    if desk.cookie not in request.cookies and request.url.path.startswith("/v1/"):
        raise NotSignedInError("send a token in the header Authorization: Bearer")
    identifier = request.cookies.get(desk.cookie, "")
    holder = desk.sessions.holder(identifier)
    began_with = desk.sessions.token_of(identifier)
    if began_with is not None:
        desk.tokens.holder(began_with)  # it may be revoked by now
    return holder


def require(scope: DeskScope) -> Callable[[Request], Holder]:
    """Return a dependency that gives the holder of a request of the API, who must have a scope.

    Raises
    ------
    NotSignedInError, NotAllowedError
        If nobody is signed in, the scope is another, or another site may have made the request.
    UnknownGalleryError
        If the request is for a gallery that the holder may not use.
    """

    def check(request: Request) -> Holder:
        holder = holder_of(request)
        check_scope(holder, scope)
        check_gallery(holder, request.path_params.get("gallery"))
        if holder.session is not None and request.method not in ("GET", "HEAD"):
            given = request.headers.get(FORM_HEADER, "")
            state_of(request).sessions.check_form_token(holder.session, given)
        return holder

    return check


def check_scope(holder: Holder, scope: DeskScope) -> None:
    """Check what a holder may do (`NotAllowedError`)."""
    if not holder.scope.includes(scope):
        raise NotAllowedError(
            f"this takes a token of the scope {scope}, and this one has {holder.scope}"
        )


def check_gallery(holder: Holder, gallery: str | None) -> None:
    """Check that a holder may use a gallery (`UnknownGalleryError`, as if there were none)."""
    if gallery is not None and not holder.may_use(gallery):
        raise UnknownGalleryError(f"this desk has no gallery {gallery!r}")


def check_form(request: Request, desk: DeskState, holder: Holder, field: str) -> None:
    """Check that a form of a page comes from a page of the same session (`NotAllowedError`)."""
    if holder.session is None:
        raise NotSignedInError("pages are for browsers; programs use the API")
    given = request.headers.get(FORM_HEADER) or field
    desk.sessions.check_form_token(holder.session, given)

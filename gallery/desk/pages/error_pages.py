"""The pages of errors, and the ways on that some of them have."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gallery.desk.errors import LockedError, NotSignedInError
from gallery.desk.pages.rendering import entrance, page, place_of, wants_fragment
from gallery.desk.pages.way_back import to_unlock, way_back
from gallery.desk.problems import known_holder
from gallery.desk.state import state_of
from gallery.errors import GalleryError

_PAGE_OF: Final = {
    "identify": "identify",
    "live": "live",
    "enroll": "enroll",
    "folder": "enroll",
    "undo": "enroll",
    "people": "people",
    "person": "people",
}
"""Pages by the first part of addresses within a gallery; the others belong to the page Gallery."""


def page_of_error(request: Request, text: str, error: GalleryError, status: int) -> Response:
    """Return the response to a browser in place of a page: a way on, or the error."""
    if wants_fragment(request):
        return _fragment(request, text, error, status)
    if isinstance(error, LockedError):
        return RedirectResponse(to_unlock(_page_address(request.url.path)), 303)
    if isinstance(error, NotSignedInError):
        return entrance(request, text)
    holder, place = known_holder(request), None
    name = getattr(request.state, "gallery", None)
    if holder is not None and name is not None:
        number = state_of(request).owner.names.index(name)
        place = place_of(request, holder, number, _page_of(request))
    return page(request, "problem.html.j2", holder, place=place, status=status, problem=text)


def _fragment(request: Request, text: str, error: GalleryError, status: int) -> Response:
    """Return the error for a page that stays, and a way to do first what is lacking.

    What was typed there is not lost: the desk is unlocked on the page itself, and a browser signs
    in beside it.
    """
    return page(
        request,
        "problem_fragment.html.j2",
        known_holder(request),
        status=status,
        problem=text,
        locked=_lock(request) if isinstance(error, LockedError) else None,
        way="/enter" if isinstance(error, NotSignedInError) else None,
    )


def _lock(request: Request) -> dict[str, bool]:
    """Return who can unlock, and how."""
    holder = known_holder(request)
    may_unlock = holder is not None and not holder.is_limited
    return {"may_unlock": may_unlock, "needs_passphrase": state_of(request).needs_passphrase}


def _page_address(address: str) -> str:
    """Return the address of the page that a form belongs to, or the address itself."""
    if way_back(address) != "/" or not address.startswith("/g/") or address.count("/") < 3:
        return address
    return "/".join([*address.split("/")[:3], _page_named(address)])


def _page_of(request: Request) -> str:
    """Return the page of a gallery, as its address names it, that a request belongs to."""
    return _page_named(request.url.path)


def _page_named(address: str) -> str:
    return _PAGE_OF.get(address.split("/")[3], "gallery")

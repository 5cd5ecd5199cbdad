"""The pages of errors, and the ways on that some of them have."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gallery.desk.errors import LockedError, NotSignedInError
from gallery.desk.pages.rendering import entrance, page, place_of, wants_fragment
from gallery.desk.pages.way_back import to_unlock
from gallery.desk.problems import known_holder
from gallery.desk.state import state_of
from gallery.desk.texts import english
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
        way = _way_on(request, error)
        return page(request, "problem_fragment.html.j2", status=status, problem=text, way=way)
    if isinstance(error, LockedError):
        return RedirectResponse(to_unlock(request.url.path), 303)
    if isinstance(error, NotSignedInError):
        return entrance(request, text)
    holder, place = known_holder(request), None
    name = getattr(request.state, "gallery", None)
    if holder is not None and name is not None:
        number = state_of(request).owner.names.index(name)
        place = place_of(request, holder, number, _page_of(request))
    return page(request, "problem.html.j2", holder, place=place, status=status, problem=text)


def _way_on(request: Request, error: GalleryError) -> tuple[str, str] | None:
    """Return address and words of what has to be done first, for a page that stays as it is."""
    if isinstance(error, LockedError):
        return to_unlock(request.url.path), english()("unlock.button")
    if isinstance(error, NotSignedInError):
        return "/enter", english()("enter.button")
    return None


def _page_of(request: Request) -> str:
    """Return the page of a gallery, as its address names it, that a request belongs to."""
    part = request.url.path.split("/")[3]
    return _PAGE_OF.get(part, "gallery")

"""The pages of errors, and the ways on that some of them have."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gallery.desk.errors import LockedError, NotSignedInError
from gallery.desk.pages.rendering import page, wants_fragment
from gallery.errors import GalleryError


def page_of_error(request: Request, text: str, error: GalleryError, status: int) -> Response:
    """Return what a browser gets instead of a page: where to go, or what went wrong."""
    if wants_fragment(request):
        return page(request, "problem_fragment.html.j2", status=status, problem=text)
    if isinstance(error, LockedError):
        return RedirectResponse("/unlock", 303)
    if isinstance(error, NotSignedInError):
        return page(request, "enter.html.j2", status=status, problem=text)
    return page(request, "problem.html.j2", status=status, problem=text)

"""The way from a form that has changed something to the page that says so.

A browser that is told to go there reloads and goes back without sending the form again.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gallery.desk.open_gallery import OpenGallery
from gallery.desk.pages.gates import gallery_name
from gallery.desk.state import state_of


async def carry_over(
    request: Request, number: int, to: str, field: str, work: Callable[[OpenGallery], str]
) -> Response:
    """Do something with a gallery, and lead to one of its pages with the text that comes of it.

    Parameters
    ----------
    request
        The form's.
    number
        Of the gallery.
    to
        The page, as its address names it.
    field
        The page's name for the text, of which the address holds the identifier.
    work
        Returns the text; an empty one is not carried.
    """
    desk = state_of(request)

    def done() -> str:
        with desk.owner.gallery(gallery_name(desk, number)) as opened:
            text = work(opened)
            return f"?{field}={opened.carried.keep(text)}" if text else ""

    return RedirectResponse(f"/g/{number}/{to}{await run_in_threadpool(done)}", 303)

"""Pages of searches: identify photos, and the live mode."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from gallery.client import Threshold
from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.api.events import tell
from gallery.desk.decisions.entries import HowSearched
from gallery.desk.identifying import PhotoDecisions, identify
from gallery.desk.pages.gates import checked_form, gallery_name, page_for
from gallery.desk.pages.pictures import shown
from gallery.desk.pages.rendering import alarm_in, page, place_of, wants_fragment
from gallery.desk.photo_faces import Upload
from gallery.desk.state import DeskState, state_of
from gallery.desk.texts import english

router = APIRouter(prefix="/g/{number}")

_Identifies = Annotated[Holder, Depends(page_for(DeskScope.IDENTIFY))]

_TOP = 3
"""People whom the page lists as candidates."""


@router.get("/identify")
def show(request: Request, number: int, holder: _Identifies) -> Response:
    """Show the form for photos."""
    gallery_name(state_of(request), number)
    place = place_of(request, holder, number, "identify")
    return page(request, "identify.html.j2", holder, place=place, photos=(), notes=())


@router.post("/identify")
async def search(request: Request, number: int, holder: _Identifies) -> Response:
    """Search with photos, and show who is in them."""
    desk = state_of(request)
    form = await checked_form(request, holder)

    def work() -> Response:
        found, limit = _found(desk, number, holder, form.photos(), HowSearched.PAGE)
        place = place_of(request, holder, number, "identify")
        template = "results.html.j2" if wants_fragment(request) else "identify.html.j2"
        photos = [shown(item, english()) for item in found]
        notes = [english()(key) for key in _notes(found, limit, holder)]
        return page(request, template, holder, place=place, photos=photos, notes=notes)

    return await run_in_threadpool(work)


@router.get("/live")
def show_live(request: Request, number: int, holder: _Identifies) -> Response:
    """Show the camera's page."""
    gallery_name(state_of(request), number)
    place = place_of(request, holder, number, "live")
    return page(request, "live.html.j2", holder, place=place)


@router.post("/live")
async def look(request: Request, number: int, holder: _Identifies) -> dict[str, Any]:
    """Search with one frame of a camera."""
    desk = state_of(request)
    form = await checked_form(request, holder)
    photos, how = form.photos()[:1], HowSearched.LIVE
    found, _ = await run_in_threadpool(_found, desk, number, holder, photos, how)
    picture = shown(found[0], english(), with_picture=False)
    return {
        "width": picture.width,
        "height": picture.height,
        "alarm": alarm_in(request),
        "faces": [
            {
                "kind": face.kind,
                "label": face.label,
                "box": None
                if face.box is None
                else [face.box.left, face.box.top, face.box.width, face.box.height],
            }
            for face in picture.faces
        ],
    }


def _notes(found: tuple[PhotoDecisions, ...], limit: Threshold, holder: Holder) -> Iterator[str]:
    """Yield the keys of what is to be said of all results."""
    faces = [face for item in found for face in item.decisions]
    if not faces:
        return
    if not holder.is_limited and not any(face.candidates for face in faces):
        yield "people.none"
    elif not limit.is_deliberate:
        yield "result.uncalibrated" if holder.is_limited else "gallery.threshold.uncalibrated"


def _found(
    desk: DeskState, number: int, holder: Holder, uploads: list[Upload], how: HowSearched
) -> tuple[tuple[PhotoDecisions, ...], Threshold]:
    name = gallery_name(desk, number)
    photos = desk.faces_in(name, uploads, holder)
    with desk.owner.gallery(name) as opened:
        found = identify(opened, photos, top=_TOP)
        limit = opened.client.threshold()
    tell(desk, name, holder, "identify", found)
    desk.log_decisions(name, holder, how, (face for item in found for face in item.decisions))
    return tuple(item.limited() for item in found) if holder.is_limited else found, limit

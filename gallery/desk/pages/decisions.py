"""The page of the owner's log of decisions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.errors import NotFoundError
from gallery.desk.pages.figures import moment_text
from gallery.desk.pages.gates import gallery_name, page_for
from gallery.desk.pages.rendering import page, place_of
from gallery.desk.state import state_of
from gallery.desk.texts import english

router = APIRouter(prefix="/g/{number}")

_Manages = Annotated[Holder, Depends(page_for(DeskScope.MANAGE))]

_SHOWN = 100


@router.get("/decisions")
def show(request: Request, number: int, holder: _Manages, before: int | None = None) -> Response:
    """Show who searched when, and what was decided."""
    desk = state_of(request)
    name, log = gallery_name(desk, number), desk.owner.log
    if log is None:
        raise NotFoundError(english()("decisions.off"))
    found = log.newest(name, _SHOWN, before)
    rows = [
        {
            "time": moment_text(entry.time),
            "operator": entry.operator,
            "how": str(entry.how),
            "faces": entry.faces,
            "missed": entry.missed,
        }
        for _, entry in found.entries
    ]
    return page(
        request,
        "decisions.html.j2",
        holder,
        place=place_of(request, holder, number, "gallery"),
        since=moment_text(found.since),
        rows=rows,
        older=found.entries[-1][0] if found.has_older else None,
    )

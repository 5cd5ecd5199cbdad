"""The route of the owner's log of decisions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request

from gallery.client.integrity.clock import in_utc
from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.api.schemas import DecisionDocument, DecisionsDocument
from gallery.desk.errors import LockedError, NotFoundError, UnknownGalleryError
from gallery.desk.rights import require
from gallery.desk.state import state_of
from gallery.desk.texts import english

router = APIRouter(prefix="/galleries/{gallery:path}", tags=["decisions"])

_Manages = Annotated[Holder, Depends(require(DeskScope.MANAGE))]


@router.get("/decisions")
def decisions(
    request: Request,
    gallery: str,
    _: _Manages,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: int | None = None,
) -> DecisionsDocument:
    """Return the searches and decisions of a gallery, the newest first."""
    owner = state_of(request).owner
    if owner.is_locked:
        raise LockedError("the desk is locked: unlock it with the key's passphrase")
    if gallery not in owner.names:
        raise UnknownGalleryError(f"this desk has no gallery {gallery!r}")
    if owner.log is None:
        raise NotFoundError(english()("decisions.off"))
    found = owner.log.newest(gallery, limit, before)
    return DecisionsDocument(
        since=in_utc(found.since),
        problem=owner.log.problem,
        older=found.has_older,
        decisions=[
            DecisionDocument(
                time=in_utc(entry.time),
                operator=entry.operator,
                how=str(entry.how),
                faces=[{"decision": face.decision, "label": face.label} for face in entry.faces],
                missed=entry.missed,
                place=place,
            )
            for place, entry in found.entries
        ],
    )

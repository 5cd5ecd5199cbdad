"""Routes of the galleries, of locking, and of a machine's own questions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.api.schemas import GalleryDocument
from gallery.desk.open_gallery import OpenGallery
from gallery.desk.rights import require
from gallery.desk.state import state_of
from gallery.errors import ThresholdRequiredError

router = APIRouter(tags=["galleries"])

_Identifies = Annotated[Holder, Depends(require(DeskScope.IDENTIFY))]
_Manages = Annotated[Holder, Depends(require(DeskScope.MANAGE))]


class Names(BaseModel):
    """Names of galleries of the desk, and whether it is locked."""

    galleries: list[str]
    locked: bool


@router.get("/galleries")
def galleries(request: Request, holder: _Identifies) -> Names:
    """List the galleries of the desk that the token may use."""
    owner = state_of(request).owner
    return Names(galleries=list(filter(holder.may_use, owner.names)), locked=owner.is_locked)


@router.get("/galleries/{gallery:path}")
def gallery_(request: Request, gallery: str, _: _Manages) -> GalleryDocument:
    """Describe a gallery."""
    owner = state_of(request).owner
    with owner.gallery(gallery) as opened:
        return document_of(opened, owner.alarm(gallery))


@router.post("/lock", status_code=204)
def lock(request: Request, _: _Manages) -> Response:
    """Drop the opened key; pages ask for its passphrase again."""
    state_of(request).owner.lock()
    return Response(status_code=204)


def document_of(opened: OpenGallery, alarm: str | None) -> GalleryDocument:
    """Return the document of a gallery."""
    client = opened.client
    description, summary = client.description, client.summary()
    try:
        threshold = client.threshold()
    except ThresholdRequiredError:
        threshold = None
    return GalleryDocument(
        name=description.name,
        references=summary.references,
        version=summary.version,
        metric=str(description.metric),
        dimension=description.dimension,
        parameters=description.parameters,
        model=description.preprocessing.model,
        detector=description.preprocessing.detector,
        threshold=None if threshold is None else threshold.value,
        threshold_origin=None if threshold is None else threshold.origin,
        alarm=alarm,
    )

"""Routes that look at faces: identify, match, embed, enroll."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.api.bodies import read_body
from gallery.desk.api.events import tell
from gallery.desk.api.openapi import body_schema
from gallery.desk.api.schemas import (
    EmbeddedPhotoDocument,
    EmbedDocument,
    EmbedRequest,
    EnrollDocument,
    EnrollRequest,
    MatchRequest,
    PhotoDocument,
    PhotoRequest,
    SearchDocument,
)
from gallery.desk.decisions.entries import HowSearched
from gallery.desk.enrolling import NewFaces, enroll
from gallery.desk.errors import BadRequestError
from gallery.desk.identifying import (
    PhotoDecisions,
    compare,
    decisions_of,
    identify,
    match,
    search_all,
)
from gallery.desk.open_gallery import OpenGallery
from gallery.desk.photo_faces import Upload
from gallery.desk.rights import require
from gallery.desk.state import DeskState, state_of

router = APIRouter(prefix="/galleries/{gallery:path}", tags=["faces"])

_Identifies = Annotated[Holder, Depends(require(DeskScope.IDENTIFY))]
_Enrolls = Annotated[Holder, Depends(require(DeskScope.ENROLL))]
_Manages = Annotated[Holder, Depends(require(DeskScope.MANAGE))]


@router.post("/identify", openapi_extra=body_schema(PhotoRequest, forms=True))
async def identify_(request: Request, gallery: str, holder: _Identifies) -> SearchDocument:
    """Search with every face of some photos, or with embeddings."""
    desk = state_of(request)
    body, uploads = await read_body(request, desk.config, PhotoRequest)
    require_one(uploads, body)
    return await run_in_threadpool(search, desk, gallery, holder, body, uploads, None)


@router.post("/match", openapi_extra=body_schema(MatchRequest, forms=True))
async def match_(request: Request, gallery: str, holder: _Identifies) -> SearchDocument:
    """Compare every face of some photos, or embeddings, with one person."""
    desk = state_of(request)
    body, uploads = await read_body(request, desk.config, MatchRequest)
    require_one(uploads, body)
    return await run_in_threadpool(search, desk, gallery, holder, body, uploads, body.label)


@router.post("/embed", openapi_extra=body_schema(EmbedRequest, forms=True))
async def embed(request: Request, gallery: str, holder: _Manages) -> EmbedDocument:
    """Return the embeddings of every face of some photos, as the gallery's model makes them."""
    desk = state_of(request)
    body, uploads = await read_body(request, desk.config, EmbedRequest)
    if not uploads:
        raise BadRequestError("send a photo")

    def work() -> EmbedDocument:
        photos = desk.faces_in(gallery, uploads, holder, body.faces)
        return EmbedDocument(results=[EmbeddedPhotoDocument.of(photo) for photo in photos])

    return await run_in_threadpool(work)


@router.post("/enroll", openapi_extra=body_schema(EnrollRequest, forms=True))
async def enroll_(request: Request, gallery: str, holder: _Enrolls) -> EnrollDocument:
    """Enroll photos of one face each, or embeddings, under one label.

    A face that matches a person of another label holds everything, and is told in ``duplicates``,
    unless ``despite_duplicates`` says that this is meant.
    """
    desk = state_of(request)
    body, uploads = await read_body(request, desk.config, EnrollRequest)
    if bool(uploads) == bool(body.embeddings):
        raise BadRequestError("send photos or embeddings")

    def work() -> EnrollDocument:
        if uploads:
            found = desk.faces_in(gallery, uploads, holder, body.faces)
            faces = NewFaces.of_photos(found, thumbnails=desk.owner.keeps_thumbnails)
        else:
            desk.rates.take(holder, len(body.embeddings))  # each is looked for in the gallery
            faces = NewFaces.of_embeddings(body.embeddings)
        with desk.owner.gallery(gallery) as opened:
            report = enroll(
                opened,
                faces,
                body.label,
                holder,
                embedder=desk.reader.embedder(opened.client) if uploads else None,
                despite_duplicates=body.despite_duplicates,
            )
        return EnrollDocument.of(report)

    return await run_in_threadpool(work)


def require_one(uploads: list[Upload], body: PhotoRequest) -> None:
    """Check that a request has photos or embeddings, and not both (`BadRequestError`)."""
    if bool(uploads) == bool(body.embeddings):
        raise BadRequestError("send photos, as files of a form or in base64, or embeddings")


def search(
    desk: DeskState,
    gallery: str,
    holder: Holder,
    body: PhotoRequest,
    uploads: list[Upload],
    label: str | None,
) -> SearchDocument:
    """Search with photos or embeddings, in the whole gallery or for one person."""
    limited = holder.is_limited
    threshold = None if limited else body.threshold
    if body.embeddings:
        desk.rates.take(holder, len(body.embeddings))
        photos = None
    else:
        photos = desk.faces_in(gallery, uploads, holder, body.faces)
    with desk.owner.gallery(gallery) as opened:
        if photos is None:
            found = _of_embeddings(opened, body, label, threshold, limited=limited)
        elif label is None:
            found = identify(opened, photos, top=body.top, threshold=threshold)
        else:
            found = match(opened, photos, label, threshold, limited=limited)
    tell(desk, gallery, holder, "identify" if label is None else "match", found)
    how = HowSearched.API if label is None else HowSearched.MATCH
    desk.log_decisions(gallery, holder, how, (face for item in found for face in item.decisions))
    return SearchDocument(
        results=[PhotoDocument.of(item.limited() if limited else item) for item in found]
    )


def _of_embeddings(
    opened: OpenGallery,
    body: PhotoRequest,
    label: str | None,
    threshold: float | str | None,
    *,
    limited: bool,
) -> tuple[PhotoDecisions, ...]:
    found = (
        search_all(opened, body.embeddings, top=body.top, threshold=threshold)
        if label is None
        else compare(opened, body.embeddings, label, threshold, limited=limited)
    )
    return decisions_of(opened, found, len(body.embeddings))

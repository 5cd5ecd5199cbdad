"""Routes of people: who is enrolled, corrections, erasure, undo."""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from gallery.client import GalleryClient, PersonDetails
from gallery.client.integrity.clock import in_utc
from gallery.desk.access.rights import require
from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.api.bodies import Document, body_schema, read_body
from gallery.desk.api.schemas import PersonDocument
from gallery.desk.enrolling import undo_last
from gallery.desk.state import state_of

router = APIRouter(prefix="/galleries/{gallery:path}", tags=["people"])

_Enrolls = Annotated[Holder, Depends(require(DeskScope.ENROLL))]
_Manages = Annotated[Holder, Depends(require(DeskScope.MANAGE))]


class Relabelling(BaseModel):
    """A person's label, and the label to give."""

    old: str
    new: str


class Annotation(BaseModel):
    """What is to be known of a person from now on; what is not named stays."""

    label: str
    attributes: dict[str, str] = {}
    without: list[str] = Field(default=[], description="names of attributes to drop")
    expires: int | None = Field(default=None, description="seconds since 1970 UTC")
    unlimited: bool = Field(default=False, description="whether to drop the expiry")


class Done(BaseModel):
    """How many references, or for annotations people, were changed or erased."""

    references: int


@router.get("/people")
def people(request: Request, gallery: str, _: _Manages) -> list[PersonDocument]:
    """List who is enrolled."""
    with state_of(request).owner.gallery(gallery) as opened:
        found = opened.client.people()
    return [
        PersonDocument(
            label=item.label,
            references=item.references,
            first_enrolled=None if item.first_enrolled is None else in_utc(item.first_enrolled),
            last_enrolled=None if item.last_enrolled is None else in_utc(item.last_enrolled),
            attributes=dict(item.details.attributes),
            expires=None if item.details.expires is None else in_utc(item.details.expires),
            expired=item.is_expired,
        )
        for item in found
    ]


@router.post("/people/rename", openapi_extra=body_schema(Relabelling))
async def rename(request: Request, gallery: str, _: _Manages) -> Done:
    """Give a person another label that nobody has."""
    return await _changed(
        request, gallery, Relabelling, lambda client, body: client.rename(body.old, body.new)
    )


@router.post("/people/merge", openapi_extra=body_schema(Relabelling))
async def merge(request: Request, gallery: str, _: _Manages) -> Done:
    """Make one person of two: all references of ``old`` become those of ``new``."""
    return await _changed(
        request, gallery, Relabelling, lambda client, body: client.merge(body.old, body.new)
    )


@router.post("/people/annotate", openapi_extra=body_schema(Annotation))
async def annotate(request: Request, gallery: str, _: _Manages) -> Done:
    """Change attributes and expiry of a person."""

    def change(client: GalleryClient, body: Annotation) -> Sized:
        details = PersonDetails(body.attributes, body.expires)
        return client.annotate(
            [body.label], details, without=body.without, unlimited=body.unlimited
        )

    return await _changed(request, gallery, Annotation, change)


@router.delete("/people")
def remove(request: Request, gallery: str, label: str, _: _Manages) -> Done:
    """Erase all references of a person. There is no way back."""
    with state_of(request).owner.gallery(gallery) as opened:
        return Done(references=len(opened.remove(labels=[label])))


@router.post("/undo")
def undo(request: Request, gallery: str, enrollment: str, holder: _Enrolls) -> Done:
    """Erase what was enrolled last, as ``undo`` of its answer names it."""
    with state_of(request).owner.gallery(gallery) as opened:
        return Done(references=len(undo_last(opened, enrollment, holder).reference_ids))


async def _changed(
    request: Request,
    gallery: str,
    kind: type[Document],
    change: Callable[[GalleryClient, Document], Sized],
) -> Done:
    desk = state_of(request)
    body, _ = await read_body(request, desk.config, kind)

    def work() -> Done:
        with desk.owner.gallery(gallery) as opened:
            return Done(references=len(change(opened.client, body)))

    return await run_in_threadpool(work)

"""Routes of people: lists, corrections, erasure, undo."""

from __future__ import annotations

from collections.abc import Sized
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.requests import Request

from gallery.client import GalleryClient, PersonDetails
from gallery.client.integrity.clock import in_utc
from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.api.changes import Done, changed
from gallery.desk.api.openapi import body_schema
from gallery.desk.api.schemas import PersonDocument, RequestDocument
from gallery.desk.enrolling import undo_last
from gallery.desk.errors import BadRequestError
from gallery.desk.rights import require
from gallery.desk.state import state_of

router = APIRouter(prefix="/galleries/{gallery:path}", tags=["people"])

_Enrolls = Annotated[Holder, Depends(require(DeskScope.ENROLL))]
_Manages = Annotated[Holder, Depends(require(DeskScope.MANAGE))]


class LabelChange(RequestDocument):
    """A person's label, and the label to give."""

    old: str
    new: str


class Annotation(RequestDocument):
    """Changes of a person's attributes and expiry; those that are not named stay."""

    label: str
    attributes: dict[str, str] = Field(default={}, description="to set; others stay")
    without: list[str] = Field(default=[], description="names of attributes to drop")
    expires: int | None = Field(default=None, description="seconds since 1970 UTC")
    unlimited: bool = Field(default=False, description="whether to drop the expiry")


@router.get("/people")
def people(
    request: Request, gallery: str, _: _Manages, label: str | None = None
) -> list[PersonDocument]:
    """List who is enrolled, or the person of a label alone, if there is one."""
    with state_of(request).owner.gallery(gallery) as opened:
        found = [item for item in opened.client.people() if label in (None, item.label)]
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


@router.post("/people/rename", openapi_extra=body_schema(LabelChange))
async def rename(request: Request, gallery: str, _: _Manages) -> Done:
    """Give a person another label that nobody has."""
    return await changed(
        request, gallery, LabelChange, lambda client, body: client.rename(body.old, body.new)
    )


@router.post("/people/merge", openapi_extra=body_schema(LabelChange))
async def merge(request: Request, gallery: str, _: _Manages) -> Done:
    """Make one person of two: all references of ``old`` become those of ``new``."""
    return await changed(
        request, gallery, LabelChange, lambda client, body: client.merge(body.old, body.new)
    )


@router.post("/people/annotate", openapi_extra=body_schema(Annotation))
async def annotate(request: Request, gallery: str, _: _Manages) -> Done:
    """Change attributes and expiry of a person."""

    def change(client: GalleryClient, body: Annotation) -> Sized:
        if body.unlimited and body.expires is not None:
            raise BadRequestError("expires and unlimited exclude each other: send one of them")
        details = PersonDetails(body.attributes, body.expires)
        return client.annotate(
            [body.label], details, without=body.without, unlimited=body.unlimited
        )

    return await changed(request, gallery, Annotation, change)


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

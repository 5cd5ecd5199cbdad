"""Routes of single references: lists, reassignment, erasure."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request

from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.api.changes import Done, changed
from gallery.desk.api.openapi import body_schema
from gallery.desk.api.schemas import RequestDocument
from gallery.desk.rights import require
from gallery.desk.state import state_of

router = APIRouter(prefix="/galleries/{gallery:path}/references", tags=["references"])

_Manages = Annotated[Holder, Depends(require(DeskScope.MANAGE))]


class Move(RequestDocument):
    """References, and the label that they get."""

    reference_ids: list[str] = Field(min_length=1, description="32 hexadecimal digits each")
    label: str


class ReferenceDocument(BaseModel):
    """A reference of a person."""

    reference_id: str
    label: str


@router.get("")
def references(
    request: Request, gallery: str, _: _Manages, label: str | None = None
) -> list[ReferenceDocument]:
    """List references, all or those of a person."""
    with state_of(request).owner.gallery(gallery) as opened:
        found = list(opened.client.references(None if label is None else [label]))
    return [ReferenceDocument(reference_id=item.reference_id, label=item.label) for item in found]


@router.post("/move", openapi_extra=body_schema(Move))
async def move(request: Request, gallery: str, _: _Manages) -> Done:
    """Give single references the label of another person, or a new one."""
    return await changed(
        request, gallery, Move, lambda client, body: client.assign(body.reference_ids, body.label)
    )


@router.delete("/{reference_id}")
def remove_reference(request: Request, gallery: str, reference_id: str, _: _Manages) -> Done:
    """Erase one reference. There is no way back."""
    with state_of(request).owner.gallery(gallery) as opened:
        return Done(references=len(opened.remove(reference_ids=[reference_id])))

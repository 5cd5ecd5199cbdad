"""Pages of a table of people: what it would change is shown, and done when that is said."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from gallery.client import AnnotatedPerson, AnnotationReport, PersonDetails
from gallery.client.editing.people_table import read_people_table
from gallery.client.embeddings.csv_file import CsvFile
from gallery.client.integrity.clock import in_utc
from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.errors import BadRequestError, TooLargeError
from gallery.desk.open_gallery import OpenGallery
from gallery.desk.pages.carrying import carry_over
from gallery.desk.pages.gates import checked_form, gallery_name, page_for
from gallery.desk.pages.rendering import page, place_of
from gallery.desk.state import state_of
from gallery.desk.texts import english
from gallery.desk.uploads import LONGEST_FIELD, Form

router = APIRouter(prefix="/g/{number}/people/table")

_Manages = Annotated[Holder, Depends(page_for(DeskScope.MANAGE))]

_LARGEST: Final = LONGEST_FIELD // 2
"""Bytes of a table: it comes back in a field, where a browser makes two of a line's end."""

_SHOWN: Final = 200
"""Changes, and people who are not enrolled, on a page."""


@router.post("")
async def show(request: Request, number: int, holder: _Manages) -> Response:
    """Show what a table would change; it comes back with the page, and is kept nowhere."""
    form, desk = await checked_form(request, holder), state_of(request)

    def work() -> Response:
        if not form.uploads:
            raise BadRequestError(english()("table.choose"))
        upload = form.uploads[0]
        if len(upload.data) > _LARGEST:
            raise TooLargeError(english()("table.large", most=_LARGEST // 2**10))
        name = upload.name.replace("\\", "/").rpartition("/")[2]
        with desk.owner.gallery(gallery_name(desk, number)) as opened:
            found = _annotated(opened, form, name, upload.data, write=False)
        rows = [row for person in found.changed for row in _rows(person)]
        return page(
            request,
            "details_table.html.j2",
            holder,
            place=place_of(request, holder, number, "people"),
            name=name,
            text=upload.data.decode("utf-8-sig"),
            unset_empty=form.flag("unset_empty"),
            people=len(found.changed),
            rows=rows[:_SHOWN],
            left_out=len(rows[_SHOWN:]),
            absent=found.absent[:_SHOWN],
            absent_count=len(found.absent),
        )

    return await run_in_threadpool(work)


@router.post("/keep")
async def keep(request: Request, number: int, holder: _Manages) -> Response:
    """Change what a table says."""
    form = await checked_form(request, holder)

    def work(opened: OpenGallery) -> str:
        name, data = form.text("name"), form.text("table").encode("utf-8")
        done = _annotated(opened, form, name, data, write=True)
        return english().count("table.kept", len(done.changed))

    return await carry_over(request, number, "people", "said", work)


def _annotated(
    opened: OpenGallery, form: Form, name: str, data: bytes, *, write: bool
) -> AnnotationReport:
    file = CsvFile(name, lambda: io.BytesIO(data))
    table = read_people_table(file, unset_empty=form.flag("unset_empty"))
    return opened.client.annotate_each(table.changes, write=write)


def _rows(person: AnnotatedPerson) -> Iterator[tuple[str, str, str, str]]:
    """Yield a row for each change of what is known of a person; an empty text for nothing."""
    former, details = person.former, person.details
    for name, old, new in person.changed_attributes():
        yield person.label, name, old or "", new or ""
    if former.expires != details.expires:
        yield person.label, english()("person.expires"), _expiry(former), _expiry(details)


def _expiry(details: PersonDetails) -> str:
    return english()("table.never") if details.expires is None else in_utc(details.expires)[:10]

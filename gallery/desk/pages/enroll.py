"""Pages of enrollment: photos and a name, and their undoing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.enrolling import EnrollmentReport, NewFaces, enroll, undo_last
from gallery.desk.open_gallery import LastEnrollment, OpenGallery
from gallery.desk.pages.carrying import carry_over
from gallery.desk.pages.gates import checked_form, gallery_name, page_for
from gallery.desk.pages.rendering import page, place_of, wants_fragment
from gallery.desk.state import state_of
from gallery.desk.texts import english
from gallery.desk.uploads import Form

router = APIRouter(prefix="/g/{number}")

_Enrolls = Annotated[Holder, Depends(page_for(DeskScope.ENROLL))]


@router.get("/enroll")
def show(request: Request, number: int, holder: _Enrolls, said: str = "") -> Response:
    """Show the form for a name and photos, and say what was undone."""
    desk = state_of(request)
    with desk.owner.gallery(gallery_name(desk, number)) as opened:
        last, done = opened.last_enrollment, opened.carried.find(said)
    is_own = last is not None and (last.holder == holder.identity or not holder.is_limited)
    return _page(request, number, holder, last=last if is_own else None, said=done)


@router.post("/enroll")
async def add(request: Request, number: int, holder: _Enrolls) -> Response:
    """Enroll photos, or show whom they match already."""
    desk = state_of(request)
    form = await checked_form(request, holder)

    def work(form: Form) -> Response:
        name, label = gallery_name(desk, number), form.text("label")
        found = desk.faces_in(name, form.photos(), holder)
        faces = NewFaces.of_photos(found, thumbnails=desk.owner.keeps_thumbnails)
        with desk.owner.gallery(name) as opened:
            report = enroll(
                opened,
                faces,
                label,
                holder,
                embedder=desk.reader.embedder(opened.client),
                despite_duplicates=form.flag("despite_duplicates"),
            )
        return _page(request, number, holder, report=report)

    return await run_in_threadpool(work, form)


@router.post("/undo")
async def undo(request: Request, number: int, holder: _Enrolls) -> Response:
    """Erase what was enrolled last."""
    form = await checked_form(request, holder)

    def work(opened: OpenGallery) -> str:
        last = undo_last(opened, form.text("enrollment"), holder)
        count = len(last.reference_ids)
        if last.people > 1:
            references = english().count("references", count)
            return english()("folder.undone", name=last.label, references=references)
        key = "enroll.undone.one" if count == 1 else "enroll.undone.many"
        return english()(key, number=count, label=last.label)

    return await carry_over(request, number, "enroll", "said", work)


def _page(
    request: Request,
    number: int,
    holder: Holder,
    *,
    report: EnrollmentReport | None = None,
    last: LastEnrollment | None = None,
    said: str = "",
) -> Response:
    fragment = report is not None and wants_fragment(request)
    return page(
        request,
        "enrolled.html.j2" if fragment else "enroll.html.j2",
        holder,
        place=place_of(request, holder, number, "enroll"),
        report=report,
        last=last,
        said=said,
        undo=None if report is None else report.undo,
        fragment=fragment,
        largest=state_of(request).config.max_photo,
        most=state_of(request).config.max_photos,
    )

"""Pages of a gallery itself: its properties, its check, its backup, and the progress of jobs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from gallery.client import ThresholdSource
from gallery.client.integrity.clock import age_in_words
from gallery.client.progress import Progress
from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.errors import NotFoundError
from gallery.desk.jobs import Job
from gallery.desk.open_gallery import OpenGallery
from gallery.desk.pages.figures import limit_text
from gallery.desk.pages.gates import checked_form, gallery_name, page_for
from gallery.desk.pages.rendering import page, place_of, wants_fragment
from gallery.desk.state import state_of
from gallery.desk.texts import Texts, english
from gallery.errors import IntegrityError, ThresholdRequiredError

router = APIRouter()

_Manages = Annotated[Holder, Depends(page_for(DeskScope.MANAGE))]


@router.get("/g/{number}/gallery")
def show(request: Request, number: int, holder: _Manages) -> Response:
    """Show the properties of a gallery."""
    desk = state_of(request)
    with desk.owner.gallery(gallery_name(desk, number)) as opened:
        facts, uncalibrated = _facts(opened, english())
    return page(
        request,
        "gallery.html.j2",
        holder,
        place=place_of(request, holder, number, "gallery"),
        facts=facts,
        uncalibrated=uncalibrated,
        has_log=desk.owner.log is not None,
        running=desk.jobs.running(gallery_name(desk, number)),
    )


@router.post("/g/{number}/verify")
async def verify(request: Request, number: int, holder: _Manages) -> Response:
    """Begin to check a gallery."""
    await checked_form(request, holder)
    desk = state_of(request)
    name = gallery_name(desk, number)

    def begin() -> Job:
        desk.jobs.check_free(name)  # else this would wait for its end
        with desk.owner.gallery(name) as opened:
            total = opened.client.block_count()
        title = english()("gallery.verify.running", name=name)
        return desk.jobs.start(name, title, total, check)

    def check(advance: Progress) -> str:
        with desk.owner.gallery(name) as opened:

            def advance_or_stop(count: int) -> None:
                opened.check_open()
                advance(count)

            report = opened.client.verify(progress=advance_or_stop)
            if not report.findings:
                return english()("gallery.verify.clean")
            told = english()(
                "gallery.verify.findings",
                findings="; ".join(f"{item.subject}: {item.problem}" for item in report.findings),
            )
            raise IntegrityError(told)

    job = await run_in_threadpool(begin)
    if wants_fragment(request):
        return page(request, "job.html.j2", holder, job=job)
    return RedirectResponse(f"/jobs/{job.identifier}", 303)


@router.get("/jobs/{identifier}")
def how_far(request: Request, identifier: str, holder: _Manages) -> Response:
    """Say how far a job is."""
    job = state_of(request).jobs.find(identifier)
    if job is None or not holder.may_use(job.subject):
        raise NotFoundError(english()("job.gone"))
    request.state.gallery = job.subject
    if wants_fragment(request):
        return page(request, "job.html.j2", holder, job=job)
    number = state_of(request).owner.names.index(job.subject)
    place = place_of(request, holder, number, "gallery")
    return page(request, "job_page.html.j2", holder, place=place, job=job)


@router.post("/g/{number}/backup")
async def backup(request: Request, number: int, holder: _Manages) -> Response:
    """Write a backup, which the owner's key alone opens, into a file and send that."""
    await checked_form(request, holder)
    desk = state_of(request)

    def work() -> tuple[tempfile.TemporaryDirectory[str], Path]:
        folder = tempfile.TemporaryDirectory(prefix="gallery-desk-")
        path = Path(folder.name) / "gallery.backup"
        try:
            with desk.owner.gallery(gallery_name(desk, number)) as opened:
                opened.client.export(path)
        except BaseException:
            folder.cleanup()
            raise
        return folder, path

    folder, path = await run_in_threadpool(work)
    cleanup = BackgroundTask(folder.cleanup)
    return FileResponse(path, filename="gallery.backup", background=cleanup)


def _facts(opened: OpenGallery, t: Texts) -> tuple[list[tuple[str, str]], bool]:
    """Return the properties of a gallery, and whether its threshold was never checked."""
    client = opened.client
    description, summary = client.description, client.summary()
    made_by = description.preprocessing
    model = t("gallery.model.none")
    if made_by.model:
        model = t("gallery.model.value", model=made_by.model, detector=made_by.detector)
    uncalibrated = False
    try:
        limit = client.threshold()
        origin, threshold = limit.origin, limit_text(limit.value)
        told = t("gallery.threshold.value", threshold=threshold, origin=origin)
        uncalibrated = limit.source is ThresholdSource.MODEL
    except ThresholdRequiredError:
        told = t("gallery.threshold.none")
    state = t("gallery.version.value", version=summary.version, age=age_in_words(summary.age))
    return [
        ("name", description.name),
        ("references", f"{summary.references:,}"),
        ("version", state),
        ("model", model),
        ("threshold", told),
        ("metric", str(description.metric)),
        ("parameters", description.parameters),
    ], uncalibrated

"""Pages of accuracy: a labelled set, the calibration of a gallery on it, and its evaluation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gallery.client import GalleryClient
from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.errors import BadRequestError, NotFoundError
from gallery.desk.jobs import Job, JobProgress
from gallery.desk.labelled_sets import (
    SetBatch,
    sent_embeddings,
    set_of_machine,
    sets_of_machine,
    take_photos,
)
from gallery.desk.measuring import FoundThreshold, find_threshold, store
from gallery.desk.open_gallery import OpenGallery
from gallery.desk.pages.carrying import carry_over
from gallery.desk.pages.curves import picture_of
from gallery.desk.pages.figures import limit_text
from gallery.desk.pages.folder_steps import FolderSteps
from gallery.desk.pages.gates import checked_form, gallery_name, page_for
from gallery.desk.pages.rendering import page, place_of, wants_fragment
from gallery.desk.state import DeskState, state_of
from gallery.desk.texts import english
from gallery.desk.uploads import Form
from gallery.errors import MissingDependencyError, ThresholdRequiredError

router = APIRouter(prefix="/g/{number}")

_Manages = Annotated[Holder, Depends(page_for(DeskScope.MANAGE))]

_FAILURES_SHOWN = 50
_MOST_FOLDS = 100


@router.get("/accuracy")
def show(request: Request, number: int, holder: _Manages, said: str = "") -> Response:
    """Show the set at hand, and what was found on it, and say what was stored."""
    return _page(request, number, holder, said)


@router.post("/set/folder")
async def take(request: Request, number: int, holder: _Manages) -> Response:
    """Take a piece of a folder of people to measure with."""
    return await _STEPS.handle(request, number, holder)


@router.post("/set/embeddings")
async def take_embeddings(request: Request, number: int, holder: _Manages) -> Response:
    """Take a file of embeddings to measure with."""
    form = await checked_form(request, holder)
    labelled = await run_in_threadpool(sent_embeddings, form.photos()[0])

    def work(opened: OpenGallery) -> str:
        opened.measuring.bring(labelled)
        return english()("accuracy.read", name=labelled.name)

    return await carry_over(request, number, "accuracy", "said", work)


@router.post("/set/machine")
async def take_from_machine(request: Request, number: int, holder: _Manages) -> Response:
    """Begin to read a labelled set of this machine."""
    desk = state_of(request)
    form = await checked_form(request, holder)
    gallery, chosen = gallery_name(desk, number), form.text("set")

    def read(progress: JobProgress) -> str:
        labelled = set_of_machine(desk, gallery, chosen, progress.stage)
        with desk.owner.gallery(gallery) as opened:
            opened.measuring.bring(labelled)
        return english()("accuracy.read", name=labelled.name)

    title = english()("accuracy.reading", name=chosen)
    return await _started(request, desk, number, holder, title, read, "accuracy")


@router.post("/calibrate")
async def calibrate(request: Request, number: int, holder: _Manages) -> Response:
    """Begin to look for the threshold that keeps a wanted rate of false matches."""
    desk = state_of(request)
    form = await checked_form(request, holder)
    gallery, fpir, folds, seed = gallery_name(desk, number), *_split(form)

    def find(progress: JobProgress) -> str:
        with desk.owner.gallery(gallery) as opened:
            labelled, client = opened.measuring.required(), opened.client
            description, size = client.description, client.summary().references
        found = find_threshold(
            labelled,
            description,
            fpir=fpir,
            folds=folds,
            seed=seed,
            actual_size=size,
            stage=progress.stage,
        )
        with desk.owner.gallery(gallery) as opened:
            if opened.measuring.labelled is labelled:
                opened.measuring.found = found
        return english()("accuracy.found", threshold=f"{found.proposal.threshold:.4f}")

    title = english()("accuracy.calibrating")
    return await _started(request, desk, number, holder, title, find, "accuracy")


@router.post("/calibrate/store")
async def keep(request: Request, number: int, holder: _Manages) -> Response:
    """Store the threshold that was found."""
    await checked_form(request, holder)

    def work(opened: OpenGallery) -> str:
        limit = store(opened.client, opened.measuring)
        return english()("accuracy.stored", threshold=limit_text(limit.value))

    return await carry_over(request, number, "accuracy", "said", work)


@router.post("/evaluate")
async def evaluate(request: Request, number: int, holder: _Manages) -> Response:
    """Begin to evaluate on the set at hand."""
    await checked_form(request, holder)
    desk = state_of(request)
    gallery, work = gallery_name(desk, number), desk.evaluate
    if work is None:
        raise MissingDependencyError(english()("accuracy.noevaluation"))

    def measure(progress: JobProgress) -> str:
        with desk.owner.gallery(gallery) as opened:
            labelled, description = opened.measuring.required(), opened.client.description
        report = work(labelled, description, progress.stage)
        with desk.owner.gallery(gallery) as opened:
            if opened.measuring.labelled is labelled:
                opened.measuring.report = report
        return english()("accuracy.evaluated")

    title = english()("accuracy.evaluating")
    return await _started(request, desk, number, holder, title, measure, "accuracy/report")


@router.get("/accuracy/report")
def show_report(request: Request, number: int, holder: _Manages) -> Response:
    """Show the report of the last evaluation."""
    desk = state_of(request)
    with desk.owner.gallery(gallery_name(desk, number)) as opened:
        report = opened.measuring.report
    if report is None:
        raise NotFoundError(english()("accuracy.noreport"))
    place = place_of(request, holder, number, "gallery")
    return page(request, "report.html.j2", holder, place=place, body=report.body)


@router.get("/accuracy/report.{kind}")
def download(request: Request, number: int, kind: str, holder: _Manages) -> Response:
    """Send a file of the report of the last evaluation."""
    desk = state_of(request)
    with desk.owner.gallery(gallery_name(desk, number)) as opened:
        report = opened.measuring.report
    if report is None or kind not in ("html", "json"):
        raise NotFoundError(english()("accuracy.noreport"))
    content, media = {
        "html": (report.html, "text/html"),
        "json": (report.json, "application/json"),
    }[kind]
    headers = {"Content-Disposition": f'attachment; filename="report.{kind}"'}
    return Response(content, media_type=media, headers=headers)


async def _started(
    request: Request,
    desk: DeskState,
    number: int,
    holder: Holder,
    title: str,
    work: Callable[[JobProgress], str],
    leads_to: str,
) -> Response:
    """Begin long work, which keeps the desk from idling, and ends when it is locked."""
    name = gallery_name(desk, number)

    def kept_open(progress: JobProgress) -> str:
        with desk.owner.in_use():
            return work(progress)

    def begin() -> Job:
        with desk.owner.gallery(name) as opened:
            check = opened.check_open
        address = f"/g/{number}/{leads_to}"
        return desk.jobs.start(name, title, 0, kept_open, leads_to=address, check=check)

    job = await run_in_threadpool(begin)
    if wants_fragment(request):
        return page(request, "job.html.j2", holder, job=job)
    return RedirectResponse(f"/jobs/{job.identifier}", 303)


def _sent(request: Request, number: int, holder: Holder, batch: SetBatch) -> Response:
    """Bring the folder that was sent, and show it."""
    desk = state_of(request)
    with desk.owner.gallery(gallery_name(desk, number)) as opened:
        labelled = batch.labelled(desk.reader.embedder(opened.client))
        opened.batches.end(batch)
        opened.measuring.bring(labelled)
    if not wants_fragment(request):
        return RedirectResponse(f"/g/{number}/accuracy", 303)
    return page(request, "brought.html.j2", holder, address=f"/g/{number}/accuracy")


def _split(form: Form) -> tuple[float, int, int]:
    """Return the wanted FPIR, the folds and the seed of a form."""
    fpir = form.number("fpir")
    folds, seed = form.number("folds"), form.number("seed")
    fpir = 0.01 if fpir is None else fpir
    if not 0.0 < fpir < 1.0:
        raise BadRequestError(english()("accuracy.fpir.range"))
    folds, seed = 5.0 if folds is None else folds, seed or 0.0
    whole = folds == int(folds) and seed == int(seed)
    if not whole or not 2 <= folds <= _MOST_FOLDS or not 0 <= seed < 2**32:
        raise BadRequestError(english()("accuracy.folds.range", most=_MOST_FOLDS))
    return fpir, int(folds), int(seed)


def _limit(client: GalleryClient) -> tuple[str, str] | None:
    try:
        limit = client.threshold()
    except ThresholdRequiredError:
        return None
    return limit_text(limit.value), limit.origin


def _page(request: Request, number: int, holder: Holder, said: str) -> Response:
    desk = state_of(request)
    with desk.owner.gallery(gallery_name(desk, number)) as opened:
        measuring, limit = opened.measuring, _limit(opened.client)
        done = opened.carried.find(said)
        takes_photos = bool(opened.client.description.preprocessing.model)
        labelled, found, report = measuring.labelled, measuring.found, measuring.report
    return page(
        request,
        "accuracy.html.j2",
        holder,
        place=place_of(request, holder, number, "gallery"),
        said=done,
        takes_photos=takes_photos,
        largest=desk.config.max_photo,
        most=desk.config.max_photos,
        sets=sets_of_machine(desk.config.sets),
        labelled=labelled,
        failures=[] if labelled is None else labelled.failures[:_FAILURES_SHOWN],
        limit=limit,
        found=None if found is None else found.proposal,
        numbers=None if found is None else _numbers(found),
        curve=None if found is None else picture_of(found),
        has_report=report is not None,
        can_evaluate=desk.evaluate is not None,
        running=desk.jobs.running(gallery_name(desk, number)),
    )


def _numbers(found: FoundThreshold) -> dict[str, str]:
    """Return the figures of a threshold as `gallery calibrate` gives them."""
    item = found.proposal
    return {
        "threshold": f"{item.threshold:.4f}",
        "fpir": f"{item.fpir:.4f}",
        "fnir": f"{item.fnir:.4f}",
        "mated": f"{item.mated:,}",
        "non_mated": f"{item.non_mated:,}",
        "size": f"{item.gallery_size:,}",
        "actual": f"{item.actual_size:,}",
        "expected": "" if item.expected is None else f"{item.expected:.4f}",
        "rate": f"{item.false_match_rate:.2g}",
        "wanted": f"{item.wanted:g}",
        "advice": "" if item.advice is None else f"{item.advice:.2g}",
    }


_STEPS = FolderSteps(SetBatch, take_photos, _sent)

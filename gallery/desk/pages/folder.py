"""Pages of the enrollment of a folder of people.

Photos that were enrolled before are skipped, so that a folder that was interrupted is finished by
sending it again.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.errors import BadRequestError
from gallery.desk.folder_enrollment import enroll_held, enroll_piece
from gallery.desk.folders.folder_batches import FolderBatch
from gallery.desk.pages.folder_steps import FolderSteps
from gallery.desk.pages.gates import checked_form, gallery_name, page_for
from gallery.desk.pages.rendering import page, place_of, wants_fragment
from gallery.desk.state import state_of
from gallery.desk.texts import english

router = APIRouter(prefix="/g/{number}")

_Enrolls = Annotated[Holder, Depends(page_for(DeskScope.ENROLL))]

_PAIRS_SHOWN = 50
"""Pairs of people that are asked about at a time."""


@router.post("/folder")
async def take(request: Request, number: int, holder: _Enrolls) -> Response:
    """Take a piece of a folder, or all of a small one."""
    return await _STEPS.handle(request, number, holder)


@router.post("/folder/accept")
async def accept(request: Request, number: int, holder: _Enrolls) -> Response:
    """Enroll faces that match others, of the pairs that are said to be two people each."""
    desk = state_of(request)
    form = await checked_form(request, holder)
    ticked = {name for name in form.fields if name.startswith("pair-")}

    def work() -> Response:
        name = gallery_name(desk, number)
        with desk.owner.gallery(name) as opened:
            batch = opened.batches.find(FolderBatch, form.text("batch"), holder.identity)
            chosen = [(pair.label, pair.other) for pair in batch.held if pair.name in ticked]
            if not chosen:
                raise BadRequestError(english()("folder.tick"))
            pairs = batch.release(chosen)
            try:
                embedder = desk.reader.embedder(opened.client)
                faces = [face for pair in pairs for face in pair.faces]
                enroll_held(opened, batch, faces, holder, embedder)
            except BaseException:
                batch.put_back(pairs)
                raise
        return _report(request, number, holder, batch)

    return await run_in_threadpool(work)


def _report(request: Request, number: int, holder: Holder, batch: FolderBatch) -> Response:
    return page(
        request,
        "folder_report.html.j2" if wants_fragment(request) else "folder.html.j2",
        holder,
        place=place_of(request, holder, number, "enroll"),
        batch=batch,
        pairs=batch.held[:_PAIRS_SHOWN],
        more_pairs=max(len(batch.held) - _PAIRS_SHOWN, 0),
        undo=batch.undo if batch.added else None,
    )


_STEPS = FolderSteps(FolderBatch, enroll_piece, _report)

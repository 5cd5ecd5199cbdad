"""The enrollment of a folder of people by a page: its script sends it in pieces, a form at once.

The script asks first which files of the folder are wanted, by their names, and then sends those, a
few at a time, until it says that this is the end. What was enrolled before is skipped, so that a
folder that was interrupted is finished by sending it again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gallery.client.photos.ignore_rules import IGNORE_FILE
from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.errors import BadRequestError
from gallery.desk.faces import Upload
from gallery.desk.folders.batch import FolderBatch
from gallery.desk.folders.enrolling import FolderPhoto, enroll_held, enroll_piece
from gallery.desk.pages.gates import checked_form, gallery_name, page_for
from gallery.desk.pages.rendering import alarm_in, page, place_of, wants_fragment
from gallery.desk.state import DeskState, state_of
from gallery.desk.texts import english
from gallery.desk.uploads import Form

router = APIRouter(prefix="/g/{number}")

_Enrolls = Annotated[Holder, Depends(page_for(DeskScope.ENROLL))]

PAIRS_SHOWN = 50
"""Pairs of people that are asked about at a time."""


@router.post("/folder")
async def take(request: Request, number: int, holder: _Enrolls) -> Response:
    """Take a piece of a folder, or all of a small one."""
    desk = state_of(request)
    form = await checked_form(request, holder)
    steps: dict[str, Callable[..., Response]] = {
        "names": _names,
        "photos": _photos,
        "end": _end,
        "": _all_at_once,
    }
    step = steps.get(form.fields.get("step", ""))
    if step is None:
        raise BadRequestError("the field 'step' is not understood")
    return await run_in_threadpool(step, request, number, holder, desk, form)


@router.post("/folder/accept")
async def accept(request: Request, number: int, holder: _Enrolls) -> Response:
    """Enroll faces that match others, of the pairs that are said to be two people each."""
    desk = state_of(request)
    form = await checked_form(request, holder)
    ticked = {name for name in form.fields if name.startswith("pair-")}

    def work() -> Response:
        name = gallery_name(desk, number)
        with desk.owner.gallery(name) as opened:
            batch = opened.batches.find(form.text("batch"), holder.name)
            shown = batch.held[:PAIRS_SHOWN]
            chosen = [
                (pair.label, pair.other)
                for place, pair in enumerate(shown)
                if f"pair-{place}" in ticked
            ]
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


def _names(request: Request, number: int, holder: Holder, desk: DeskState, form: Form) -> Response:
    """Say which files are wanted, of those whose names were sent."""
    paths = _texts(form, "paths")
    batch = _batch(desk, number, holder, form, paths)
    if form.uploads:
        for upload in _uploads(form):
            batch.folder.add_patterns(upload.name, upload.data)
    wanted = [place for place, path in enumerate(paths) if batch.folder.wants(path)]
    return _answer(request, batch, wanted=wanted)


def _photos(request: Request, number: int, holder: Holder, desk: DeskState, form: Form) -> Response:
    """Enroll the photos of a piece."""
    batch = _batch(desk, number, holder, form, [])
    for path in _texts(form, "unread"):
        batch.folder.failures.add((path, english()("folder.unread")))
    _large(batch, form, desk)
    _enroll(desk, number, holder, batch, _uploads(form))
    return _answer(request, batch)


def _end(request: Request, number: int, holder: Holder, desk: DeskState, form: Form) -> Response:
    """Say what was done with all that was sent."""
    batch = _batch(desk, number, holder, form, [])
    if not form.flag("stopped"):
        batch.folder.end()
    return _report(request, number, holder, batch)


def _all_at_once(
    request: Request, number: int, holder: Holder, desk: DeskState, form: Form
) -> Response:
    """Take a folder that comes whole, from a browser without scripts."""
    uploads = form.photos()
    batch = _batch(desk, number, holder, form, [upload.name for upload in uploads])
    for upload in uploads:
        if upload.name.rpartition("/")[2] == IGNORE_FILE:
            batch.folder.add_patterns(upload.name, upload.data)
    _enroll(
        desk, number, holder, batch, [item for item in uploads if batch.folder.wants(item.name)]
    )
    batch.folder.end()
    return _report(request, number, holder, batch)


def _enroll(
    desk: DeskState, number: int, holder: Holder, batch: FolderBatch, uploads: list[Upload]
) -> None:
    labelled = [(upload, batch.folder.label_of(upload.name, upload.data)) for upload in uploads]
    photos = [FolderPhoto(upload, label) for upload, label in labelled if label is not None]
    enroll_piece(desk, gallery_name(desk, number), batch, photos, holder)


def _uploads(form: Form) -> list[Upload]:
    """Return the files by the paths that were sent along: browsers may change a file's name."""
    paths = _texts(form, "paths")
    if len(paths) != len(form.uploads) or not all(paths):
        raise BadRequestError("there must be a path for each file")
    return [Upload(path, item.data) for path, item in zip(paths, form.uploads, strict=True)]


def _large(batch: FolderBatch, form: Form, desk: DeskState) -> None:
    """Take note of files that are too large to be sent, of which the beginnings came."""
    for path, head in _pairs(form, "large"):
        try:
            label = batch.folder.label_of(path, bytes.fromhex(head))
        except ValueError as error:
            raise BadRequestError("the field 'large' is not understood") from error
        if label is not None:
            most = desk.config.max_photo // 2**20
            batch.folder.failures.add((path, english()("folder.large", most=most)))


def _batch(
    desk: DeskState, number: int, holder: Holder, form: Form, paths: list[str]
) -> FolderBatch:
    with desk.owner.gallery(gallery_name(desk, number)) as opened:
        identifier = form.fields.get("batch", "")
        if identifier:
            return opened.batches.find(identifier, holder.name)
        name = next((path.partition("/")[0] for path in paths if "/" in path), "")
        return opened.batches.begin(holder.name, name[:200] or english()("folder.nameless"))


def _answer(request: Request, batch: FolderBatch, **more: Any) -> Response:
    return JSONResponse({"batch": batch.identifier, "alarm": alarm_in(request), **more})


def _report(request: Request, number: int, holder: Holder, batch: FolderBatch) -> Response:
    return page(
        request,
        "folder_report.html.j2" if wants_fragment(request) else "folder.html.j2",
        holder,
        place=place_of(request, holder, number, "enroll"),
        batch=batch,
        pairs=batch.held[:PAIRS_SHOWN],
        more_pairs=max(len(batch.held) - PAIRS_SHOWN, 0),
        undo=batch.undo if batch.added else None,
    )


def _texts(form: Form, name: str) -> list[str]:
    """Return a field that is a list of texts in JSON; an empty one if it is missing."""
    found = _json(form, name)
    if not all(isinstance(item, str) for item in found):
        raise BadRequestError(f"the field {name!r} must be a list of texts")
    return found


def _pairs(form: Form, name: str) -> list[tuple[str, str]]:
    found = _json(form, name)
    if not all(isinstance(item, list) and [*map(type, item)] == [str, str] for item in found):
        raise BadRequestError(f"the field {name!r} must be a list of pairs of texts")
    return [(first, second) for first, second in found]


def _json(form: Form, name: str) -> list[Any]:
    try:
        found = json.loads(form.fields.get(name) or "[]")
    except (ValueError, RecursionError) as error:
        raise BadRequestError(f"the field {name!r} is no JSON") from error
    if not isinstance(found, list):
        raise BadRequestError(f"the field {name!r} must be a list")
    return found

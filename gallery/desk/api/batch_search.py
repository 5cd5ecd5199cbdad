"""The route of batches: many photos in one request, and each result as soon as it is there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse

from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.api.bodies import read_body
from gallery.desk.api.face_routes import require_one, search
from gallery.desk.api.openapi import body_schema
from gallery.desk.api.schemas import PhotoDocument, PhotoRequest
from gallery.desk.errors import BusyError
from gallery.desk.photo_faces import Upload
from gallery.desk.problems import problem_of
from gallery.desk.rights import require
from gallery.desk.state import DeskState, state_of
from gallery.errors import GalleryError

router = APIRouter(prefix="/galleries/{gallery:path}", tags=["faces"])

_Identifies = Annotated[Holder, Depends(require(DeskScope.IDENTIFY))]

MEDIA_TYPE: Final = "application/x-ndjson"

_LINES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": (
            "Lines of JSON: for each photo or embedding, in order, an item of the `results` of "
            "`identify`. If the rest cannot be done, the last line is a problem, with a `status`."
        ),
        "content": {
            MEDIA_TYPE: {
                "schema": {"type": "string"},
                "x-line": PhotoDocument.model_json_schema(),
            }
        },
    }
}


@router.post(
    "/batch",
    openapi_extra=body_schema(PhotoRequest, forms=True),
    response_class=StreamingResponse,
    responses=_LINES,
)
async def batch(request: Request, gallery: str, holder: _Identifies) -> StreamingResponse:
    """Search with many photos or embeddings, one after the other; see `identify`."""
    desk = state_of(request)
    body, uploads = await read_body(request, desk.config, PhotoRequest)
    require_one(uploads, body)
    results = _results(desk, gallery, holder, body, uploads)
    # Here, so that what is wrong with the whole request is told by the answer's status.
    first = await run_in_threadpool(next, results)
    return StreamingResponse(_lines(chain([first], results), holder), media_type=MEDIA_TYPE)


def _results(
    desk: DeskState, gallery: str, holder: Holder, body: PhotoRequest, uploads: list[Upload]
) -> Iterator[PhotoDocument]:
    """Yield results, each of a search of its own, so that others have their turn in between."""
    for number in range(len(uploads) or len(body.embeddings)):
        if desk.stopping.is_set():
            raise BusyError("the desk ends: send the rest again later")
        one = body.model_copy(update={"embeddings": body.embeddings[number : number + 1]})
        (found,) = search(desk, gallery, holder, one, uploads[number : number + 1], None).results
        yield found if uploads else found.model_copy(update={"photo": str(number)})


def _lines(results: Iterator[PhotoDocument], holder: Holder) -> Iterator[str]:
    try:
        for found in results:
            yield f"{found.model_dump_json()}\n"
    except GalleryError as error:
        yield f"{json.dumps(problem_of(error, holder))}\n"

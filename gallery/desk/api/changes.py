"""Changes of a gallery: a body is read, the gallery held, and the changes counted."""

from __future__ import annotations

from collections.abc import Callable, Sized

from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from gallery.client import GalleryClient
from gallery.desk.api.bodies import Document, read_body
from gallery.desk.state import state_of


class Done(BaseModel):
    """The number of references, or for annotations of people, that were changed or erased."""

    references: int


async def changed(
    request: Request,
    gallery: str,
    kind: type[Document],
    change: Callable[[GalleryClient, Document], Sized],
) -> Done:
    """Change a gallery as a request's document says."""
    desk = state_of(request)
    body, _ = await read_body(request, desk.config, kind)

    def work() -> Done:
        with desk.owner.gallery(gallery) as opened:
            return Done(references=len(change(opened.client, body)))

    return await run_in_threadpool(work)

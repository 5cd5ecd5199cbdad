"""The route of live results: those of searches, as server-sent events.

A screen at a door, or the lock's controller, hears the results of the camera's own token; the
owner's programs hear everything. So a token of the scope ``identify`` learns nothing from a stream
that it could not have learned from the answers to its own searches, which were counted when they
were made.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.api.schemas import PhotoDocument, SearchEvent, StateEvent
from gallery.desk.errors import DeskError, UnknownGalleryError
from gallery.desk.identifying import PhotoDecisions
from gallery.desk.listeners import Listener, LostListenerError
from gallery.desk.rights import holder_of, require
from gallery.desk.state import DeskState, state_of

router = APIRouter(prefix="/galleries/{gallery:path}", tags=["events"])

_Identifies = Annotated[Holder, Depends(require(DeskScope.IDENTIFY))]

HEARTBEAT_SECONDS: Final = 15.0
"""Seconds after which a stream without events says that it is still there."""

CHECK_SECONDS: Final = 1.0
"""Seconds after which a stream looks whether the desk was locked or ends."""

RIGHTS_SECONDS: Final = 5.0
"""Seconds after which it looks whether its holder may still listen."""

_RETRY = b"retry: 3000\n\n"
_HEARTBEAT = b": still here\n\n"

_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": (
            "A stream of events until either side ends it: `search` for each photo or embedding "
            "that was searched with, and `state` at the start and when that changes, with the "
            "documents of `x-events`. Comments in between say that the stream is alive."
        ),
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "x-events": {
                    "search": SearchEvent.model_json_schema(),
                    "state": StateEvent.model_json_schema(),
                },
            }
        },
    }
}


@router.get("/events", response_class=StreamingResponse, responses=_STREAM)
async def events(request: Request, gallery: str, holder: _Identifies) -> StreamingResponse:
    """Tell what is found, as it is found: by this token; to holders who may manage, by anybody.

    Nothing is kept for those that are away. A listener that does not read is dropped.
    """
    desk = state_of(request)
    if gallery not in desk.owner.names:
        raise UnknownGalleryError(f"this desk has no gallery {gallery!r}")
    listening = ExitStack()
    # Now, so that the answer's status says if there are too many.
    listener = listening.enter_context(desk.listeners.listening(gallery, holder))
    return _EventStream(_events(request, desk, listener), listening)


def tell(
    desk: DeskState,
    gallery: str,
    searcher: Holder,
    call: Literal["identify", "match"],
    found: Sequence[PhotoDecisions],
) -> None:
    """Tell all who listen what a search found."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")

    def render(limited: bool) -> list[bytes]:
        return [
            _event(
                "search",
                SearchEvent(
                    gallery=gallery,
                    time=now,
                    by=searcher.name,
                    call=call,
                    **PhotoDocument.of(item.limited() if limited else item).model_dump(),
                ),
            )
            for item in found
        ]

    desk.listeners.tell(gallery, searcher, render)


class _EventStream(StreamingResponse):
    """An answer that ends when its reader leaves, and gives up its place then."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], listening: ExitStack) -> None:
        # Proxies such as nginx hold back what comes in pieces, unless they are told not to.
        super().__init__(events, headers={"X-Accel-Buffering": "no"})
        self._listening = listening

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events."""
        with self._listening:
            await super().__call__(scope, receive, send)


async def _events(request: Request, desk: DeskState, listener: Listener) -> AsyncIterator[bytes]:
    """Yield events until the desk ends, the listener is lost, or it may not listen any more."""
    yield _RETRY
    locked: bool | None = None
    heard = checked = time.monotonic()
    while not desk.stopping.is_set():
        if locked != desk.owner.is_locked:
            locked, heard = desk.owner.is_locked, time.monotonic()
            yield _event("state", StateEvent(locked=locked))
        try:
            event = await listener.next(CHECK_SECONDS)
        except LostListenerError:
            return
        now = time.monotonic()
        if now - checked >= RIGHTS_SECONDS:
            checked = now
            if not await asyncio.to_thread(_may_listen, request):
                return
        if event is not None:
            heard = now
            yield event
        elif now - heard >= HEARTBEAT_SECONDS:
            heard = now
            yield _HEARTBEAT


def _may_listen(request: Request) -> bool:
    try:
        holder_of(request)
    except DeskError:  # the token was revoked, or has expired; the session has ended
        return False
    return True


def _event(name: str, document: BaseModel) -> bytes:
    return f"event: {name}\ndata: {document.model_dump_json()}\n\n".encode()

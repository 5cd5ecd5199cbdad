"""The route of searches: probes in, a stream of encrypted distances out, block by block."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from threading import Event

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gallery.arrays import residue_bytes
from gallery.errors import GalleryError, MalformedMessageError
from gallery.messages import SearchRequest
from gallery.messages.check_sums import sealed_size
from gallery.messages.stream import END, framed
from gallery.parameters import find_parameters
from gallery.server.audit_log import Action
from gallery.server.http.audited_action import AuditedAction
from gallery.server.http.authorization import GalleryId, SearchGrant, require_gallery
from gallery.server.http.openapi import STREAM, binary_body, stream_response
from gallery.server.http.problems import failure_of
from gallery.server.http.request_bodies import read_body
from gallery.server.http.state import ServerState, state_of

_REFERENCES_BYTES = 2 * 1024 * 1024
"""Most bytes that references and hint of a full block take, with labels of usual length."""

router = APIRouter()


@router.post(
    "/galleries/{gallery_id}/search",
    summary="Compare probes with a gallery",
    responses=stream_response(
        "MANIFEST, CHECK_SUMS if the caller needs them, then one BLOCK_RESULT for each block"
    ),
    openapi_extra=binary_body("SEARCH"),
)
async def search(request: Request, gallery_id: GalleryId, grant: SearchGrant) -> Response:
    """Compare probes with every position of every block, as of one manifest."""
    state = state_of(request)
    identifier, name = await require_gallery(request, grant, gallery_id)
    async with AsyncExitStack() as stack:
        audit = AuditedAction(request, grant, Action.SEARCH, identifier, name)
        await stack.enter_async_context(audit)
        wanted = await _read(request, state, identifier)
        audit.probes = len(wanted.probes)
        await stack.enter_async_context(state.search_slot())
        size = await run_in_threadpool(_size_of, state, wanted)
        await stack.enter_async_context(state.answer_budget.reserved(size))
        answer = SearchResponse(state, wanted, audit)
        await answer.start()
        answer.cleanup = stack.pop_all()
        return answer


async def _read(request: Request, state: ServerState, identifier: bytes) -> SearchRequest:
    async with read_body(request, state.config, state.request_budget) as body:
        wanted = await run_in_threadpool(SearchRequest.from_bytes, body)
    if wanted.gallery_id != identifier:
        raise MalformedMessageError("the request names another gallery than its address")
    if not wanted.probes:
        raise MalformedMessageError("the request holds no probe")
    return wanted


def _size_of(state: ServerState, wanted: SearchRequest) -> int:
    """Return the bytes that the answer to a search will take in memory."""
    blocks = len(state.service.manifest(wanted.gallery_id).entries)
    first = wanted.probes[0]
    parameters = find_parameters(first.parameters)
    distances = residue_bytes(parameters.result_shape)
    unknown = max(0, blocks - len(wanted.known))
    check_sums = sealed_size(first.columns, parameters) if blocks else 0
    return blocks * len(wanted.probes) * distances + unknown * _REFERENCES_BYTES + check_sums


class SearchResponse(Response):
    """The answer to a search, computed by a thread that never waits for its reader.

    The reader may be slow; the scan, the database's snapshot and the other searches of the same
    pass must not be held up by that. Pieces that are computed and not yet sent wait in memory that
    was reserved from the budget before.
    """

    media_type = STREAM

    def __init__(self, state: ServerState, wanted: SearchRequest, audit: AuditedAction) -> None:
        super().__init__(media_type=STREAM)
        del self.headers["content-length"]
        self._state, self._wanted, self._audit = state, wanted, audit
        self._pieces: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self._first = b""
        self._abandoned = Event()
        self._started = time.perf_counter()
        self.cleanup = AsyncExitStack()

    async def start(self) -> None:
        """Begin to search; raise the service's error if it comes before the first piece."""
        loop = asyncio.get_running_loop()

        def put(piece: bytes | Exception | None) -> None:
            loop.call_soon_threadsafe(self._pieces.put_nowait, piece)

        def work() -> None:
            try:
                for piece in self._compute():
                    put(piece)
                put(None)
            except GalleryError as error:
                put(error)
            except BaseException:
                put(GalleryError("the search failed inside the server; its log says how"))
                raise

        self._worker = loop.run_in_executor(self._state.search_threads, work)
        first = await self._pieces.get()
        if isinstance(first, Exception):
            raise first
        assert first is not None
        self._first = first

    def _compute(self) -> Iterator[bytes]:
        result = self._state.service.search(self._wanted)
        yield framed(result.manifest.to_bytes())
        if result.check_sums:
            yield framed(result.check_sums.to_bytes())
        for block in result.blocks:
            if self._abandoned.is_set():
                return
            yield framed(block.to_bytes())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the pieces as they come; the end only when the search is in the audit log."""
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        last = END
        watch = asyncio.create_task(self._watch(receive))
        try:
            async with self.cleanup:
                await send(start)
                await self._send(send, self._first)
                while (piece := await self._pieces.get()) is not None:
                    if isinstance(piece, Exception):
                        raise piece
                    await self._send(send, piece)
                # Nothing goes out with this; it waits until the pieces before have, so that their
                # memory is not given to others sooner.
                await self._send(send, b"")
                if self._abandoned.is_set():
                    raise ClientDisconnect
            self._state.statistics.search_seconds.observe(time.perf_counter() - self._started)
        except ClientDisconnect:
            return
        except GalleryError as error:
            last = framed(failure_of(error).to_bytes()) + END
        finally:
            watch.cancel()
            self._abandoned.set()
        await send({"type": "http.response.body", "body": last})

    async def _watch(self, receive: Receive) -> None:
        """Abandon the search when its client has gone."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self._abandoned.set()
        self._pieces.put_nowait(ClientDisconnect())

    @staticmethod
    async def _send(send: Send, piece: bytes) -> None:
        await send({"type": "http.response.body", "body": piece, "more_body": True})

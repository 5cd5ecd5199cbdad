"""The route of searches: probes in, a stream of encrypted distances out, block by block."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from threading import Event, Semaphore

import structlog
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gallery.errors import GalleryError, MalformedMessageError, RequestTooLargeError
from gallery.messages import SearchRequest
from gallery.messages.stream import END, framed
from gallery.server.audit_log import Action
from gallery.server.http.audited_action import AuditedAction
from gallery.server.http.authorization import GalleryId, SearchGrant, require_outline
from gallery.server.http.byte_budget import Reservation
from gallery.server.http.openapi import STREAM, binary_body, stream_response
from gallery.server.http.problems import failure_of
from gallery.server.http.request_bodies import received
from gallery.server.http.request_sizes import RequestSizes, parsed_search
from gallery.server.http.state import ServerState, state_of

_PIECES_AHEAD = 2
"""Pieces of an answer that are packed before the client has read those before."""

_PIECE_BYTES = 2**17
"""Bytes from which on a piece is sent. Each piece costs two threads a turn, and the loop that all
requests share several calls: with many clients, far more than its bytes do."""

_log = structlog.get_logger("gallery.server")

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
    gallery = await require_outline(request, grant, gallery_id)
    identifier, sizes = gallery.gallery_id, RequestSizes.of(gallery)
    async with AsyncExitStack() as stack:
        audit = AuditedAction(request, grant, Action.SEARCH, identifier, gallery.name)
        await stack.enter_async_context(audit)
        largest = sizes.largest_search(state.config.max_probes)
        body = received(request, grant, SearchRequest.from_bytes, largest, kept=parsed_search)
        wanted = await stack.enter_async_context(body)
        _check(wanted, identifier, state.config.max_probes)
        audit.probes = len(wanted.probes)
        await stack.enter_async_context(state.search_turn(grant))
        room = stack.enter_context(state.answer_budget.opened(grant.token_id))
        references = await run_in_threadpool(
            state.service.references_size, identifier, wanted.known
        )
        await room.grow(sizes.search_answer(len(wanted.probes), references))
        answer = SearchResponse(state, wanted, grant.token_id, room)
        await answer.start()
        answer.cleanup = stack.pop_all()
        return answer


def _check(wanted: SearchRequest, identifier: bytes, most: int) -> None:
    """Check what a search asks for, as far as it can be seen without the gallery."""
    if wanted.gallery_id != identifier:
        raise MalformedMessageError("the request names another gallery than its address")
    if not wanted.probes:
        raise MalformedMessageError("the request holds no probe")
    if len(wanted.probes) > most:
        raise RequestTooLargeError(
            f"the search has {len(wanted.probes):,} probes, and this server takes at most {most} "
            "in one request"
        )


class SearchResponse(Response):
    """The answer to a search, computed by a thread that never waits for its reader.

    The reader may be slow; the scan, the database's snapshot and the other searches of the same
    pass must not be held up by that. Results that are computed and not yet sent wait in memory that
    was reserved from the budget before; if there are more than have room there, the search is
    stopped. A few of them at a time are packed into pieces.

    Parameters
    ----------
    state
        The server's state.
    wanted
        The search.
    owner
        Whose it is: the identifier of a token.
    room
        The memory for its results.
    """

    media_type = STREAM

    def __init__(
        self, state: ServerState, wanted: SearchRequest, owner: str, room: Reservation
    ) -> None:
        super().__init__(media_type=STREAM)
        del self.headers["content-length"]
        self._state, self._wanted, self._owner = state, wanted, owner
        self._size = room.size
        self._pieces: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self._credits = Semaphore(_PIECES_AHEAD)
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
                    self._credits.acquire()  # given back when a piece is sent, and at the end
                    put(piece)
                put(None)
            except GalleryError as error:
                put(error)
            except BaseException:
                put(GalleryError("the search failed inside the server; its log says how"))
                raise

        self._worker = loop.run_in_executor(self._state.search_threads, work)
        try:
            first = await self._pieces.get()
        except BaseException:  # the server stops: nobody will take what the thread computes
            self._abandoned.set()
            self._credits.release(_PIECES_AHEAD)
            raise
        if isinstance(first, Exception):
            raise first
        assert first is not None
        self._first = first

    def _compute(self) -> Iterator[bytes]:
        result = self._state.service.search(self._wanted, room=self._size, owner=self._owner)
        yield framed(result.manifest.to_bytes())
        if result.check_sums:
            yield framed(result.check_sums.to_bytes())
        gathered: list[bytes] = []
        for block in result.blocks:
            if self._abandoned.is_set():
                return
            gathered.append(framed(block.to_bytes()))
            if sum(map(len, gathered)) >= _PIECE_BYTES:
                yield b"".join(gathered)
                gathered.clear()
        if gathered:
            yield b"".join(gathered)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the pieces as they come; the end only when the search is in the audit log."""
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        last = END
        watch = asyncio.create_task(self._watch(receive))
        try:
            async with self.cleanup:
                await send(start)
                await self._send_pieces(send)
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
            self._credits.release(_PIECES_AHEAD)
        await send({"type": "http.response.body", "body": last})

    async def _send_pieces(self, send: Send) -> None:
        """Send all pieces, to a client that reads as fast as it must.

        Raises
        ------
        ClientDisconnect
            If the client has gone, or reads too slowly.
        GalleryError
            If the search failed.
        """
        config, clock = self._state.config, asyncio.get_running_loop().time
        started, sent = clock(), 0
        piece: bytes | Exception | None = self._first
        while piece is not None:
            if isinstance(piece, Exception):
                raise piece
            sent += len(piece)
            try:
                async with asyncio.timeout_at(started + config.pace.seconds_for(self._size, sent)):
                    await self._send(send, piece)
                    # Nothing goes out with this; it waits until the piece has, so that the memory
                    # is not given to others sooner.
                    await self._send(send, b"")
            except TimeoutError:
                _log.warning("dropped", reason="the client reads its answer too slowly")
                raise ClientDisconnect from None
            self._credits.release()
            waited = clock()
            piece = await self._pieces.get()
            started += clock() - waited

    async def _watch(self, receive: Receive) -> None:
        """Abandon the search when its client has gone."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self._abandoned.set()
        self._pieces.put_nowait(ClientDisconnect())

    @staticmethod
    async def _send(send: Send, piece: bytes) -> None:
        await send({"type": "http.response.body", "body": piece, "more_body": True})

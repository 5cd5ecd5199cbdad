"""Bodies of requests: bounded in size, in memory and in time."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import IO, TypeVar

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from gallery.errors import BlockCorruptedError, MalformedMessageError, RequestTooLargeError
from gallery.server.gatekeeper import Grant
from gallery.server.http.byte_budget import Reservation
from gallery.server.http.config import ServerConfig
from gallery.server.http.problems import DamagedBodyError
from gallery.server.http.state import state_of

T = TypeVar("T")


PARSED_FACTOR = 4
"""Bytes that a body takes, with all that is read out of it, for each byte of its own."""


async def read_body(
    request: Request, config: ServerConfig, room: Reservation, largest: int
) -> bytearray:
    """Return the body of a request, in memory that is reserved as the body comes.

    The length must be declared, so that no body is read for which there never is room.

    Parameters
    ----------
    request
        The request.
    config
        The limits.
    room
        The reservation that grows with the body, to `PARSED_FACTOR` times its size.
    largest
        Most bytes that the body may have.

    Raises
    ------
    RequestTooLargeError
        If the body is larger than it may be, or than the memory that one token may have.
    ServerBusyError
        If there is no room for too long.
    MalformedMessageError
        If the body is not as long as declared.
    HTTPException
        If no length is declared (411), or the body comes too slowly (408).
    """
    declared = _declared(request, min(largest, config.max_request))
    if declared is None:
        raise HTTPException(411, "the length of the body must be declared")
    room.check(PARSED_FACTOR * declared)
    body = bytearray()
    async for chunk in _each_in_time(request, config, declared):
        await room.grow(PARSED_FACTOR * (len(body) + len(chunk)))
        body += chunk
    if len(body) != declared:
        raise MalformedMessageError("the body is not as long as its header says")
    return body


@asynccontextmanager
async def received(
    request: Request,
    grant: Grant,
    parse: Callable[[memoryview], T],
    largest: int,
    *,
    kept: Callable[[T], int] | None = None,
) -> AsyncIterator[T]:
    """Give the message in the body of a request, which keeps its memory until the end.

    Parameters
    ----------
    request
        The request.
    grant
        The rights of the token that it came with: its share of the memory is taken.
    parse
        The function that reads the body.
    largest
        Most bytes of the body, as for `read_body`, which says what is raised.
    kept
        The function that gives the bytes that the message takes from then on, without its body; by
        default they are those that reading it takes.
    """
    state = state_of(request)
    with state.request_budget.opened(grant.token_id) as room:
        async with state.bodies.turn(grant.token_id):
            message = await run_in_threadpool(
                parse_received, parse, await read_body(request, state.config, room, largest)
            )
        if kept is not None:
            await room.grow(kept(message))
            room.shrink(kept(message))
        yield message


def parse_received(parse: Callable[[memoryview], T], data: bytes | bytearray) -> T:
    """Read a message that was sent (`DamagedBodyError` if a block of it is damaged)."""
    try:
        return parse(memoryview(data))
    except BlockCorruptedError as error:
        raise DamagedBodyError(
            "a block that was sent does not have the digest that its header states; send it again"
        ) from error


@asynccontextmanager
async def spool_body(
    request: Request, config: ServerConfig
) -> AsyncIterator[tuple[IO[bytes], int]]:
    """Give the body of a request in a temporary file without a name, at its start, and its size.

    A backup must have come as a whole before the database's lock is taken: a slow client would hold
    the lock.
    """
    _declared(request, config.max_restore)
    size = 0
    with tempfile.TemporaryFile() as file:
        async for chunk in _each_in_time(request, config, 0):
            size += len(chunk)
            if size > config.max_restore:
                raise RequestTooLargeError("the request is larger than this server takes")
            await run_in_threadpool(file.write, chunk)
        file.seek(0)
        yield file, size


def _declared(request: Request, most: int) -> int | None:
    stated = request.headers.get("content-length")
    if stated is None:
        return None
    if not stated.isascii() or not stated.isdigit():
        raise MalformedMessageError("the length of the body is not a number")
    if int(stated) > most:
        raise RequestTooLargeError(
            f"the request has {int(stated):,} bytes, and this server takes at most {most:,}"
        )
    return int(stated)


async def _each_in_time(
    request: Request, config: ServerConfig, declared: int
) -> AsyncIterator[bytes]:
    """Yield the pieces of a body that moves as fast as it must after the first grace.

    The time that the server itself takes for a piece is not counted.
    """
    stream, size = request.stream(), 0
    clock = asyncio.get_running_loop().time
    started = clock()
    while True:
        try:
            async with asyncio.timeout_at(started + config.pace.seconds_for(declared, size)):
                chunk = await anext(stream, None)
        except TimeoutError:
            raise HTTPException(408, "the body came too slowly", {"Connection": "close"}) from None
        except ClientDisconnect:
            raise MalformedMessageError("the body was cut off") from None
        if chunk is None:
            return
        came = clock()
        yield chunk
        started += clock() - came
        size += len(chunk)

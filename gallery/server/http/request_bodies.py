"""Bodies of requests: bounded in size, in memory and in time."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from gallery.errors import MalformedMessageError, RequestTooLargeError
from gallery.server.http.byte_budget import ByteBudget
from gallery.server.http.config import ServerConfig


@asynccontextmanager
async def read_body(
    request: Request, config: ServerConfig, budget: ByteBudget
) -> AsyncIterator[memoryview]:
    """Give the body of a request, in memory that is reserved from the budget meanwhile.

    The length must be declared, so that no body is read for which there is no room.

    Raises
    ------
    RequestTooLargeError
        If the body is larger than the server takes.
    ServerBusyError
        If there is no room for too long.
    MalformedMessageError
        If the body is not as long as declared.
    HTTPException
        If no length is declared (411), or the body comes too slowly (408).
    """
    declared = _declared(request, config.max_request)
    if declared is None:
        raise HTTPException(411, "the length of the body must be declared")
    # The messages out of the body take about as much again, and their seeds expand to more.
    async with budget.reserved(4 * declared):
        body = bytearray()
        async for chunk in _each_in_time(request, config):
            body += chunk
        if len(body) != declared:
            raise MalformedMessageError("the body is not as long as its header says")
        yield memoryview(body)


@asynccontextmanager
async def spool_body(request: Request, config: ServerConfig) -> AsyncIterator[IO[bytes]]:
    """Give the body of a request in a temporary file without a name, at its start.

    A backup must have come as a whole before the database's lock is taken: a slow client would hold
    the lock.
    """
    _declared(request, config.max_restore)
    size = 0
    with tempfile.TemporaryFile() as file:
        async for chunk in _each_in_time(request, config):
            size += len(chunk)
            if size > config.max_restore:
                raise RequestTooLargeError("the request is larger than this server takes")
            await run_in_threadpool(file.write, chunk)
        file.seek(0)
        yield file


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


async def _each_in_time(request: Request, config: ServerConfig) -> AsyncIterator[bytes]:
    """Yield the pieces of a body that moves at the least rate after the first grace."""
    stream, size = request.stream(), 0
    started = asyncio.get_running_loop().time()
    while True:
        try:
            async with asyncio.timeout_at(started + config.grace + size / config.least_rate):
                chunk = await anext(stream, None)
        except TimeoutError:
            raise HTTPException(408, "the body came too slowly", {"Connection": "close"}) from None
        except ClientDisconnect:
            raise MalformedMessageError("the body was cut off") from None
        if chunk is None:
            return
        yield chunk
        size += len(chunk)

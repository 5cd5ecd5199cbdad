"""The state that the handlers of one server share."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from fastapi import Request
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.concurrency import run_in_threadpool

from gallery.errors import ServerBusyError
from gallery.server.audit_log import AuditLog
from gallery.server.denial_log import DenialLog
from gallery.server.gatekeeper import Gatekeeper, Grant
from gallery.server.http.byte_budget import ByteBudget
from gallery.server.http.config import ServerConfig
from gallery.server.http.prometheus import ServerStatistics
from gallery.server.http.turns import RequestCount, Turns
from gallery.server.service import EmbeddedService
from gallery.web.connection_gate import most_connections

T = TypeVar("T")

READINESS_SECONDS = 1.0
"""Seconds for which a database that answered counts as one that answers."""

READERS = 16
"""Requests at a time that read what takes a while: one token has a quarter of them, others wait."""

WRITERS = 8
"""Requests that write or purge at a time: one token has half of them, others wait."""

LONGEST_WRITE = 600.0
"""Seconds that one waits for its turn to write: purges of large databases may come first."""


class ServerState:
    """The service, the gatekeeper, the audit log, and the limits with what is taken of them.

    Parameters
    ----------
    service
        The keyless service.
    gatekeeper
        Admits tokens.
    audit
        The audit log.
    config
        The limits.
    """

    def __init__(
        self,
        service: EmbeddedService,
        gatekeeper: Gatekeeper,
        audit: AuditLog,
        config: ServerConfig,
    ) -> None:
        self.service, self.gatekeeper, self.audit, self.config = service, gatekeeper, audit, config
        self.denials = DenialLog(audit)
        self.statistics = ServerStatistics(service)
        self.request_budget, self.answer_budget = (
            ByteBudget(total, total // 2, config.patience)
            for total in (config.request_bytes, config.answer_bytes)
        )
        self.bodies = Turns(None, config.token_bodies, config.patience)
        self.requests = RequestCount(most_connections(), config.token_requests)
        self.search_threads = ThreadPoolExecutor(config.searches, thread_name_prefix="search")
        self.stopping = False
        self._asking = asyncio.Lock()
        self._ready_at = -math.inf
        self.searches = Turns(config.searches, config.token_searches, config.patience)
        self._readers = Turns(READERS, READERS // 4, config.patience)
        self._writers = Turns(WRITERS, WRITERS // 2, max(LONGEST_WRITE, config.patience))
        self._rate = parse(config.rate)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def check_rate(self, token_id: str) -> None:
        """Count a request of a token (`ServerBusyError` if there were too many)."""
        if not self._limiter.hit(self._rate, token_id):
            raise ServerBusyError(
                f"the token has made more requests than it may ({self._rate}); try again in a while"
            )

    @asynccontextmanager
    async def search_turn(self, grant: Grant) -> AsyncIterator[None]:
        """Wait for a turn to search (`ServerBusyError` if it does not come, or on shutdown)."""
        async with self.searches.turn(grant.token_id):
            if self.stopping:
                raise ServerBusyError("the server is shutting down; try again in a while")
            yield

    async def check_readiness(self) -> None:
        """Check that requests can be served, by asking the database at most once a second.

        Raises
        ------
        ServerBusyError
            If the server is shutting down.
        DatabaseError
            If the database fails.
        """
        if self.stopping:
            raise ServerBusyError("the server is shutting down")
        async with self._asking:
            if time.monotonic() - self._ready_at >= READINESS_SECONDS:
                await run_in_threadpool(self.service.gallery_names)
                self._ready_at = time.monotonic()

    async def read(self, grant: Grant, function: Callable[..., T], *arguments: object) -> T:
        """Call a function that reads in a thread, of which few at a time do for one token.

        Threads are served in the order of coming, and share the processor: without that, everybody
        would wait for all that one token's holder asks for at once.
        """
        async with self._readers.turn(grant.token_id):
            return await run_in_threadpool(function, *arguments)

    async def write(self, grant: Grant, function: Callable[..., T], *arguments: object) -> T:
        """Call a function that writes in a thread, of which few at a time do.

        A purge may take long, and those that join it wait for it; the other threads are for reads
        and searches.
        """
        async with self._writers.turn(grant.token_id):
            return await run_in_threadpool(function, *arguments)

    def close(self) -> None:
        """Wait for the searches under way, and end all threads."""
        self.search_threads.shutdown()
        self.denials.close()
        self.audit.close()


def state_of(request: Request) -> ServerState:
    """Return the state of the server that a request came to."""
    state: ServerState = request.app.state.server
    return state

"""The ASGI application of a desk: routes, error handlers, the idle lock and the guard."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import structlog
from fastapi import FastAPI
from starlette.middleware import Middleware

from gallery import __version__
from gallery.desk import api, pages
from gallery.desk.guard import Guard
from gallery.desk.pages.error_pages import page_of_error
from gallery.desk.pages.rendering import load_templates
from gallery.desk.pages.static_files import StaticFiles
from gallery.desk.problems import install_handlers
from gallery.desk.request_log import RequestLog
from gallery.desk.state import DeskState
from gallery.desk.warming import warm_up

_IDLE_CHECK_SECONDS = 1.0

_STOP_SECONDS = 5.0
"""Seconds that a desk waits at its end for each piece of work under way."""

_log = structlog.get_logger("gallery.desk")


def make_app(desk: DeskState) -> FastAPI:
    """Return the ASGI application of a desk; it locks and closes the desk when it ends."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        watching = asyncio.create_task(_lock_when_idle(desk))
        warming = _begin("warming", lambda: warm_up(desk))
        try:
            yield
        finally:
            desk.stopping.set()
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            await _ended(warming)
            await _ended(_begin("closing", lambda: _close(desk)))

    guard = Middleware(Guard, config=desk.config, page_of=page_of_error)
    app = FastAPI(
        title="Encrypted face gallery: the owner's desk",
        version=__version__,
        openapi_url="/v1/openapi.json",
        # Their pages fetch scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        middleware=[Middleware(RequestLog), guard],
    )
    app.state.desk = desk
    install_handlers(app, page_of_error)
    app.include_router(api.router, prefix="/v1")
    app.include_router(pages.router, include_in_schema=False)
    app.mount("/static", StaticFiles(), name="static")
    load_templates()
    return app


async def _lock_when_idle(desk: DeskState) -> None:
    while True:
        await asyncio.sleep(_IDLE_CHECK_SECONDS)
        try:
            await asyncio.to_thread(desk.owner.lock_if_idle)
        except Exception as error:  # the next key must be locked too
            _log.error("lock", error=type(error).__name__)


def _begin(name: str, work: Callable[[], None]) -> threading.Thread:
    """Begin work that does not keep the process from ending, as a pool's threads would."""
    thread = threading.Thread(target=work, name=f"desk {name}", daemon=True)
    thread.start()
    return thread


async def _ended(thread: threading.Thread) -> None:
    """Wait for work to end, but not for long: a download or a dead server may hold it up."""
    until = time.monotonic() + _STOP_SECONDS
    while thread.is_alive() and time.monotonic() < until:
        await asyncio.sleep(0.01)


def _close(desk: DeskState) -> None:
    desk.owner.lock()
    desk.reader.close()
    desk.closed.set()

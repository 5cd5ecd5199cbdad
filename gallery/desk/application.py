"""The ASGI application of a desk: routes, error handlers, the idle lock and the guard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles

from gallery import __version__
from gallery.desk import api, pages
from gallery.desk.access.guard import Guard
from gallery.desk.pages.errors import page_of_error
from gallery.desk.problems import install_handlers
from gallery.desk.request_log import RequestLog
from gallery.desk.state import DeskState
from gallery.desk.warming import warm_up

_IDLE_CHECK_SECONDS = 1.0


def make_app(desk: DeskState) -> FastAPI:
    """Return the ASGI application of a desk; it locks and closes the desk when it ends."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        watching = asyncio.create_task(_lock_when_idle(desk))
        warming = asyncio.create_task(asyncio.to_thread(warm_up, desk))
        try:
            yield
        finally:
            watching.cancel()
            await warming
            with suppress(asyncio.CancelledError):
                await watching
            await asyncio.to_thread(desk.owner.lock)
            desk.reader.close()

    app = FastAPI(
        title="Encrypted face gallery: the owner's desk",
        version=__version__,
        openapi_url="/v1/openapi.json",
        # Their pages fetch scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        middleware=[Middleware(RequestLog), Middleware(Guard, config=desk.config)],
    )
    app.state.desk = desk
    install_handlers(app, page_of_error)
    app.include_router(api.router, prefix="/v1")
    app.include_router(pages.router, include_in_schema=False)
    static = Path(__file__).with_name("static")
    app.mount("/static", StaticFiles(directory=static), name="static")
    return app


async def _lock_when_idle(desk: DeskState) -> None:
    while True:
        await asyncio.sleep(_IDLE_CHECK_SECONDS)
        await asyncio.to_thread(desk.owner.lock_if_idle)

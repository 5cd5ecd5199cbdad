"""The ASGI application: routes, error handlers and the request log put together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI

from gallery import __version__
from gallery.server.http import gallery_routes, operator_routes, problems, search_routes
from gallery.server.http.openapi import PROBLEMS
from gallery.server.http.request_log import RequestLogMiddleware
from gallery.server.http.state import ServerState

API_VERSION = "v1"
"""Version of the addresses and of the messages; a change that breaks clients gets a new one."""


def make_app(make_state: Callable[[], ServerState]) -> FastAPI:
    """Return the ASGI application.

    Parameters
    ----------
    make_state
        Makes the state that handlers share, once the event loop runs. The state is closed when the
        server stops.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.server = make_state()
        try:
            yield
        finally:
            app.state.server.close()

    app = FastAPI(
        title="Encrypted face gallery",
        summary="A keyless server: stores ciphertexts and compares them.",
        version=__version__,
        openapi_url=f"/{API_VERSION}/openapi.json",
        # Their pages fetch scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    for router in (gallery_routes.router, search_routes.router):
        app.include_router(router, prefix=f"/{API_VERSION}", responses=PROBLEMS)
    app.include_router(operator_routes.router)
    problems.install_handlers(app)
    app.add_middleware(RequestLogMiddleware)
    return app

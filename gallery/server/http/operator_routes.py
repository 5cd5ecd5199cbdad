"""Routes for operators and their tools: liveness, readiness and statistics."""

from __future__ import annotations

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from gallery.errors import ServerBusyError
from gallery.server.http.openapi import problem_response
from gallery.server.http.state import state_of

router = APIRouter()


class Health(BaseModel):
    """The answer of a server that works."""

    status: str = "ok"


@router.get("/healthz", summary="Whether the process answers")
async def healthz() -> Health:
    """Answer, and look at nothing else."""
    return Health()


@router.get(
    "/readyz",
    summary="Whether requests can be served",
    responses={503: problem_response("The database fails, or the server is shutting down.")},
)
async def readyz(request: Request) -> Health:
    """Ask the database, and say so if the server is shutting down."""
    state = state_of(request)
    if state.stopping:
        raise ServerBusyError("the server is shutting down")
    await run_in_threadpool(state.service.gallery_names)
    return Health()


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    response_class=Response,
)
async def metrics(request: Request) -> Response:
    """Return sums and histograms; they name no gallery and no token."""
    return Response(state_of(request).statistics.text(), media_type=CONTENT_TYPE_LATEST)

"""Routes for operators and their tools: liveness, readiness and statistics.

Behind a proxy, the proxy decides who may ask. A server that speaks TLS itself has none, and clients
reach it directly: then readiness and statistics want a token, of any scope.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from starlette.responses import Response

from gallery.server.http.authorization import Credentials, authenticate
from gallery.server.http.state import state_of
from gallery.web.problem_responses import problem_response

router = APIRouter()


async def _admit(request: Request, credentials: Credentials) -> None:
    if request.scope["scheme"] == "https":
        await authenticate(request, credentials)


ADMITTED = [Depends(_admit)]
REFUSED: dict[int | str, dict[str, Any]] = {
    401: problem_response("The server speaks TLS itself, and the token is missing.")
}


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
    responses={
        **REFUSED,
        503: problem_response("The database fails, or the server is shutting down."),
    },
    dependencies=ADMITTED,
)
async def readyz(request: Request) -> Health:
    """Ask the database, and say so if the server is shutting down."""
    await state_of(request).check_readiness()
    return Health()


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    responses={**REFUSED, 200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    dependencies=ADMITTED,
    response_class=Response,
)
async def metrics(request: Request) -> Response:
    """Return sums and histograms; they name no gallery and no token."""
    return Response(state_of(request).statistics.text(), media_type=CONTENT_TYPE_LATEST)

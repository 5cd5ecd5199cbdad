"""Authorization of requests: by token, by scope, by gallery."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import structlog
from fastapi import Depends, Path, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from gallery.errors import AccessDeniedError, GalleryError, GalleryNotFoundError
from gallery.server.gatekeeper import Grant, Scope
from gallery.server.http.audited_action import record_denial
from gallery.server.http.problems import ScopeError
from gallery.server.http.state import state_of
from gallery.server.service import GalleryOutline

_log = structlog.get_logger("gallery.server")

_bearer = HTTPBearer(
    auto_error=False, description="A token that the operator of the server has made."
)

Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
GalleryId = Annotated[
    str, Path(pattern="^[0-9a-f]{32}$", description="A gallery's identifier, in hexadecimal.")
]


async def authenticate(request: Request, credentials: Credentials) -> Grant:
    """Return the rights that the token of a request gives.

    Raises
    ------
    AccessDeniedError
        If the token is missing, unknown, expired or revoked.
    ServerBusyError
        If it has been used too often, or for too many requests at once.
    """
    state = state_of(request)
    token = credentials.credentials if credentials else None
    try:
        # A thread costs more than the check, and is needed once in a while, to read the tokens.
        grant = state.gatekeeper.admit_cached(token)
        if grant is None:
            grant = await run_in_threadpool(state.gatekeeper.admit, token)
    except AccessDeniedError as error:
        if error.token_id is not None:
            state.check_rate(error.token_id)
        _log.warning("refused", reason=error.reason, token=error.token_name)
        if error.token_id is not None:
            await record_denial(request, error.token_id, error.token_name)
        raise
    request.state.token = grant.name
    state.check_rate(grant.token_id)
    state.requests.enter(grant.token_id)
    request.state.counted = grant.token_id  # until the request is logged
    return grant


def require_scope(scope: Scope) -> Callable[..., Grant]:
    """Return a dependency that checks that a request's token has a scope."""

    async def check(request: Request, grant: Annotated[Grant, Depends(authenticate)]) -> Grant:
        if not grant.scope.allows(scope):
            await record_denial(request, grant.token_id, grant.name)
            raise ScopeError(
                f"the token {grant.name!r} has the scope {grant.scope}, and this needs {scope}"
            )
        return grant

    return check  # type: ignore[return-value]


SearchGrant = Annotated[Grant, Depends(require_scope(Scope.SEARCH))]
EnrollGrant = Annotated[Grant, Depends(require_scope(Scope.ENROLL))]
AdminGrant = Annotated[Grant, Depends(require_scope(Scope.ADMIN))]


async def require_gallery(request: Request, grant: Grant, gallery_id: str) -> tuple[bytes, str]:
    """Return a gallery's identifier and name, if the token is for it.

    Raises
    ------
    GalleryNotFoundError
        If there is no such gallery, or the token is not for it: a client cannot tell which.
    """
    identifier = bytes.fromhex(gallery_id)
    name = await run_in_threadpool(state_of(request).service.name_of, identifier)
    if name is None:
        raise _not_found()
    await _require_cover(request, grant, identifier, name)
    return identifier, name


async def require_outline(request: Request, grant: Grant, gallery_id: str) -> GalleryOutline:
    """Return a gallery without its content, if the token is for it.

    Raises
    ------
    GalleryNotFoundError
        As `require_gallery`.
    IntegrityError
        If its description or manifest is damaged.
    """
    identifier = bytes.fromhex(gallery_id)
    try:
        found = await run_in_threadpool(state_of(request).service.outline, identifier)
    except GalleryError:
        # Whom it is not for does not learn that it is damaged.
        await require_gallery(request, grant, gallery_id)
        raise
    await _require_cover(request, grant, identifier, found.name)
    return found


async def _require_cover(request: Request, grant: Grant, identifier: bytes, name: str) -> None:
    if not grant.covers(name):
        await record_denial(request, grant.token_id, grant.name, identifier, name)
        raise _not_found()


def _not_found() -> GalleryNotFoundError:
    return GalleryNotFoundError("the gallery is not in the database any more")


async def require_name(request: Request, grant: Grant, name: str) -> None:
    """Check that a token may make a gallery of a name (`AccessDeniedError`)."""
    if not grant.covers(name):
        await record_denial(request, grant.token_id, grant.name, gallery=name)
        raise ScopeError(f"the token {grant.name!r} is not for a gallery named {name!r}")

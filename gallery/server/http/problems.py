"""Problem responses (RFC 9457): a status, and the class and message of an error."""

from __future__ import annotations

import json

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from gallery import errors
from gallery.errors import (
    AccessDeniedError,
    BlockCorruptedError,
    DatabaseError,
    DimensionMismatchError,
    ErasurePendingError,
    GalleryError,
    GalleryExistsError,
    GalleryNotFoundError,
    IntegrityError,
    KeyMismatchError,
    MalformedMessageError,
    MissingBlockError,
    ParameterSetError,
    RequestTooLargeError,
    ServerBusyError,
    WriteConflictError,
)
from gallery.messages import Failure
from gallery.web.problem_responses import MEDIA_TYPE

_log = structlog.get_logger("gallery.server")


class DamagedBodyError(BlockCorruptedError):
    """A block in a request's body is damaged, not a stored one."""


_STATUS: dict[type[GalleryError], int] = {
    DamagedBodyError: 400,
    AccessDeniedError: 401,
    GalleryNotFoundError: 404,
    MissingBlockError: 404,
    GalleryExistsError: 409,
    KeyMismatchError: 409,
    WriteConflictError: 409,
    DimensionMismatchError: 422,
    ParameterSetError: 422,
    MalformedMessageError: 400,
    RequestTooLargeError: 413,
    ServerBusyError: 503,
    ErasurePendingError: 503,
    DatabaseError: 503,
    IntegrityError: 500,
    GalleryError: 500,
}


class ScopeError(AccessDeniedError):
    """A token is valid, but does not allow the request."""


def failure_of(error: GalleryError) -> Failure:
    """Return the failure message of an error, as a client may know it.

    The name of the database, its host and its driver's words are for the operator alone.
    """
    kind = next(k for k in type(error).__mro__ if getattr(errors, k.__name__, None) is k)
    private = isinstance(error, DatabaseError) and not isinstance(error, ErasurePendingError)
    text = "the server's database failed; its log says how" if private else error.message
    return Failure.of(kind(text))


def status_of(error: GalleryError) -> int:
    """Return the HTTP status for an error."""
    if isinstance(error, ScopeError):
        return 403
    return next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)


def problem(status: int, failure: Failure) -> Response:
    """Return the response that reports a failure."""
    body = {"status": status, "title": failure.kind, "detail": failure.text}
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if failure.kind == ServerBusyError.__name__:
        headers["Retry-After"] = "1"
    return Response(json.dumps(body), status, headers, MEDIA_TYPE)


def install_handlers(app: FastAPI) -> None:
    """Turn every error of a route's handler into a response."""

    @app.exception_handler(GalleryError)
    async def _ours(_: Request, error: GalleryError) -> Response:
        status = status_of(error)
        if status >= 500:
            _log.error("failed", error=type(error).__name__, reason=str(error))
        return problem(status, failure_of(error))

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return problem(422, Failure(MalformedMessageError.__name__, f"{where}: {first['msg']}"))

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> Response:
        answer = problem(error.status_code, Failure("ServerError", str(error.detail)))
        answer.headers.update(error.headers or {})
        return answer

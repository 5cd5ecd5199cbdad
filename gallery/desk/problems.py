"""Problem responses (RFC 9457) for every error: a status, a kind, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from gallery.desk.access.scopes import Holder
from gallery.desk.errors import BadRequestError, DeskError, NotFoundError
from gallery.desk.telling import told
from gallery.errors import (
    AccessDeniedError,
    AmbiguousNameError,
    DatabaseError,
    DimensionMismatchError,
    DuplicateSubjectError,
    GalleryError,
    IntegrityError,
    InvalidAttributeError,
    InvalidEmbeddingError,
    InvalidLabelError,
    InvalidThresholdError,
    KeyFileError,
    LabelExistsError,
    MalformedMessageError,
    MissingDependencyError,
    ModelMismatchError,
    PhotoError,
    ReferenceNotFoundError,
    ServerError,
    SourceError,
    ThresholdRequiredError,
    WeightsError,
    WriteConflictError,
)
from gallery.web.problem_responses import MEDIA_TYPE

_STATUS: Final[dict[type[GalleryError], int]] = {
    PhotoError: 422,
    SourceError: 422,
    InvalidEmbeddingError: 422,
    InvalidLabelError: 422,
    InvalidAttributeError: 422,
    DimensionMismatchError: 422,
    InvalidThresholdError: 422,
    ThresholdRequiredError: 422,
    ModelMismatchError: 422,
    ReferenceNotFoundError: 404,
    AmbiguousNameError: 409,
    LabelExistsError: 409,
    DuplicateSubjectError: 409,
    WriteConflictError: 409,
    KeyFileError: 403,
    # Faults of the server or its database, or of their answers.
    IntegrityError: 502,
    MalformedMessageError: 502,
    AccessDeniedError: 502,
    ServerError: 502,
    DatabaseError: 503,
    MissingDependencyError: 503,
    WeightsError: 503,
    GalleryError: 503,
}

PageOfError = Callable[[Request, str, GalleryError, int], Response]
"""Makes the page of an error, of its words and with a status."""

_log = structlog.get_logger("gallery.desk")


def status_of(error: GalleryError) -> int:
    """Return the HTTP status for an error."""
    if isinstance(error, DeskError):
        return error.status
    return next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)


def answer_of(request: Request, error: GalleryError, page_of: PageOfError) -> Response:
    """Return the response that reports an error: a problem of the API, or a page."""
    body = problem_of(error, known_holder(request))
    status = int(body["status"])
    if not request.url.path.startswith("/v1/"):
        return page_of(request, str(body["detail"]), error, status)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse(body, status, headers, MEDIA_TYPE)


def problem_of(error: GalleryError, holder: Holder | None) -> dict[str, int | str]:
    """Return the problem that tells of an error, in words for who asked."""
    status = status_of(error)
    return {
        "status": status,
        "title": type(error).__name__,
        "detail": told(error, status, holder),
    }


def known_holder(request: Request) -> Holder | None:
    """Return the holder of a request, if it was found out before the error."""
    holder: Holder | None = getattr(request.state, "holder", None)
    return holder


def validation_error(error: RequestValidationError) -> BadRequestError:
    """Return the error for an invalid request, without the values that it has."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return BadRequestError(f"{where}: {first['msg']}")


def http_error(error: HTTPException) -> Response:
    """Return the response for an address or a method that is not there."""
    taken = (error.headers or {}).get("Allow")
    detail = str(error.detail) if taken is None else f"this address takes the method {taken}"
    body = {"status": error.status_code, "title": "HttpError", "detail": detail}
    headers = dict(error.headers or {})
    return JSONResponse(body, error.status_code, headers, MEDIA_TYPE)


def install_handlers(app: FastAPI, page_of: PageOfError) -> None:
    """Turn every error of a handler into a response: a problem of the API, or a page.

    Parameters
    ----------
    app
        The application.
    page_of
        Makes the page of an error for a browser's request.
    """

    @app.exception_handler(GalleryError)
    async def _ours(request: Request, error: GalleryError) -> Response:
        if status_of(error) >= 500:
            # Its text may name a photo or a label.
            _log.error("failed", error=type(error).__name__)
        return answer_of(request, error, page_of)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        return answer_of(request, validation_error(error), page_of)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        is_forms = error.status_code == 405 and request.method in ("GET", "HEAD")
        if error.status_code == 404 or (is_forms and not request.url.path.startswith("/v1/")):
            missing = NotFoundError("there is nothing at this address")
            return answer_of(request, missing, page_of)
        return http_error(error)

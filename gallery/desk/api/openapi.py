"""Parts of the OpenAPI document: bodies that handlers read themselves, tokens, and problems."""

from __future__ import annotations

from typing import Any, Final

from fastapi.security import HTTPBearer
from pydantic import BaseModel

BEARER: Final = HTTPBearer(
    auto_error=False,  # the guard of each call says itself what is missing
    scheme_name="token",
    description="A token that the desk's owner made.",
)

_PROBLEM: Final = {
    "type": "object",
    "required": ["status", "title", "detail"],
    "properties": {
        "status": {"type": "integer"},
        "title": {"type": "string", "description": "Class of the error."},
        "detail": {"type": "string", "description": "What is wrong, and what to do about it."},
    },
}


def _problem(description: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": _PROBLEM}}
    return {"description": description, "content": content}


PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    401: _problem("The token is missing, unknown, expired or revoked."),
    403: _problem("The token does not allow this, or the request comes from another site."),
    404: _problem("There is no such gallery, person or reference, or the token is not for it."),
    405: _problem("The address does not take this method."),
    408: _problem("The body came too slowly."),
    409: _problem("The label is taken or ambiguous, or somebody else has written meanwhile."),
    413: _problem("The request or a photo in it is too large."),
    415: _problem("The body is neither a form nor JSON."),
    422: _problem("Something is missing, or not understood."),
    423: _problem("The desk is locked."),
    429: _problem("The token has searched too often, or has too many streams."),
    502: _problem("The gallery's server fails, or its answer is not what was enrolled."),
    503: _problem("The desk is busy, or its database or face model cannot be used."),
}
"""The problems that every call may answer with."""


def body_schema(kind: type[BaseModel], *, forms: bool = False) -> dict[str, Any]:
    """Return the OpenAPI schema of a body that a handler reads itself.

    Parameters
    ----------
    kind
        The document.
    forms
        Whether photos may come as files of a form, whose other fields are those of the document.
    """
    schema = kind.model_json_schema()
    content = {"application/json": {"schema": schema}}
    if forms:
        file = {"type": "string", "format": "binary"}
        fields = {
            name: field
            for name, field in schema["properties"].items()
            if name not in ("photos", "embeddings")
        }
        files = {"photos": {"type": "array", "items": file, "minItems": 1}}
        form = {**schema, "properties": {**files, **fields}}
        content["multipart/form-data"] = {"schema": form}
    return {"requestBody": {"required": True, "content": content}}

"""Parts of the OpenAPI document: bodies that handlers read themselves, tokens, and problems."""

from __future__ import annotations

from typing import Any, Final

from fastapi.security import HTTPBearer
from pydantic import BaseModel

from gallery.web.problem_responses import problem_response

BEARER: Final = HTTPBearer(
    auto_error=False,  # the guard of each call says itself what is missing
    scheme_name="token",
    description="A token that the desk's owner made.",
)

PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    401: problem_response("The token is missing, unknown, expired or revoked."),
    403: problem_response("The token does not allow this, or the request comes from another site."),
    404: problem_response(
        "There is no such gallery, person or reference, or the token is not for it."
    ),
    405: problem_response("The address does not take this method."),
    408: problem_response("The body came too slowly."),
    409: problem_response(
        "The label is taken or ambiguous, or somebody else has written meanwhile."
    ),
    413: problem_response("The request or a photo in it is too large."),
    415: problem_response("The body is neither a form nor JSON."),
    422: problem_response("Something is missing, or not understood."),
    423: problem_response("The desk is locked."),
    429: problem_response("The token has searched too often, or has too many streams."),
    502: problem_response("The gallery's server fails, or its answer is not what was enrolled."),
    503: problem_response("The desk is busy, or its database or face model cannot be used."),
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

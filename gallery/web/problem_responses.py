"""Problem responses (RFC 9457): their media type, and how an OpenAPI document describes them."""

from __future__ import annotations

from typing import Any, Final

MEDIA_TYPE: Final = "application/problem+json"

_SCHEMA: Final = {
    "type": "object",
    "required": ["status", "title", "detail"],
    "properties": {
        "status": {"type": "integer"},
        "title": {"type": "string", "description": "Class of the error."},
        "detail": {"type": "string", "description": "What is wrong, and what to do about it."},
    },
}


def problem_response(description: str) -> dict[str, Any]:
    """Describe a response that reports an error."""
    return {"description": description, "content": {MEDIA_TYPE: {"schema": _SCHEMA}}}

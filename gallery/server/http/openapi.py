"""What the OpenAPI document says of bodies that are not JSON."""

from __future__ import annotations

from typing import Any

MESSAGE = "application/vnd.encrypted-face-gallery.message"
"""Media type of one message, as docs/format.md describes them."""

STREAM = "application/vnd.encrypted-face-gallery.stream"
"""Media type of a stream of messages."""

_BYTES = {"type": "string", "format": "binary"}
_PROBLEM = {
    "type": "object",
    "required": ["status", "title", "detail"],
    "properties": {
        "status": {"type": "integer"},
        "title": {"type": "string", "description": "Class of the error."},
        "detail": {"type": "string", "description": "What is wrong, and what to do about it."},
    },
}


def problem_answer(description: str) -> dict[str, Any]:
    """Return what is said of an answer that reports an error."""
    return {
        "description": description,
        "content": {"application/problem+json": {"schema": _PROBLEM}},
    }


PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: problem_answer("The body is not what belongs there."),
    401: problem_answer("No token, or not a good one."),
    403: problem_answer("The token does not allow this."),
    404: problem_answer("There is no such gallery or block, or it is not the token's to see."),
    405: problem_answer("The address does not take this method."),
    408: problem_answer("The body came too slowly."),
    409: problem_answer("The gallery is in another state, or under another key."),
    411: problem_answer("The length of the body is not declared."),
    413: problem_answer("The body is too large."),
    422: problem_answer("A value is out of range."),
    503: problem_answer("The server is at a limit or shutting down, or its database failed."),
}
"""The errors that every operation may answer with."""


def binary_body(message: str) -> dict[str, Any]:
    """Return what is said of a body that is one message."""
    content = {MESSAGE: {"schema": _BYTES | {"description": f"A {message} message."}}}
    return {"requestBody": {"required": True, "content": content}}


def stream_body(messages: str) -> dict[str, Any]:
    """Return what is said of a body that is a stream of messages."""
    content = {STREAM: {"schema": _BYTES | {"description": f"A stream: {messages}."}}}
    return {"requestBody": {"required": True, "content": content}}


def message_answer(message: str) -> dict[int | str, dict[str, Any]]:
    """Return what is said of an answer that is one message."""
    return {
        200: {
            "description": f"A {message} message.",
            "content": {MESSAGE: {"schema": _BYTES}},
        }
    }


def stream_answer(messages: str) -> dict[int | str, dict[str, Any]]:
    """Return what is said of an answer that is a stream of messages."""
    return {
        200: {
            "description": f"A stream: {messages}. A FAILURE says that the rest does not come.",
            "content": {STREAM: {"schema": _BYTES}},
        }
    }

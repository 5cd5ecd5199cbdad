"""Parts of the OpenAPI document: bodies that are not JSON, and responses that report errors."""

from __future__ import annotations

from typing import Any

from gallery.web.problem_responses import problem_response

MESSAGE = "application/vnd.encrypted-face-gallery.message"
"""Media type of one message, as docs/format.md describes them."""

STREAM = "application/vnd.encrypted-face-gallery.stream"
"""Media type of a stream of messages."""

_BYTES = {"type": "string", "format": "binary"}

PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: problem_response("The body is malformed."),
    401: problem_response("The token is missing, unknown, expired or revoked."),
    403: problem_response("The token does not allow this."),
    404: problem_response("There is no such gallery or block, or the token is not for it."),
    405: problem_response("The address does not take this method."),
    408: problem_response("The body came too slowly."),
    409: problem_response("The gallery is in another state, or under another key."),
    411: problem_response("The length of the body is not declared."),
    413: problem_response("The body is too large."),
    422: problem_response("A value is out of range."),
    503: problem_response("The server is at a limit or shutting down, or its database failed."),
}
"""The error responses that every operation may give."""


def binary_body(message: str) -> dict[str, Any]:
    """Describe a request body that is one message."""
    content = {MESSAGE: {"schema": _BYTES | {"description": f"A {message} message."}}}
    return {"requestBody": {"required": True, "content": content}}


def stream_body(messages: str) -> dict[str, Any]:
    """Describe a request body that is a stream of messages."""
    content = {STREAM: {"schema": _BYTES | {"description": f"A stream: {messages}."}}}
    return {"requestBody": {"required": True, "content": content}}


def message_response(message: str) -> dict[int | str, dict[str, Any]]:
    """Describe a response that is one message."""
    return {
        200: {
            "description": f"A {message} message.",
            "content": {MESSAGE: {"schema": _BYTES}},
        }
    }


def stream_response(messages: str) -> dict[int | str, dict[str, Any]]:
    """Describe a response that is a stream of messages."""
    return {
        200: {
            "description": f"A stream: {messages}. A FAILURE says that the rest does not come.",
            "content": {STREAM: {"schema": _BYTES}},
        }
    }

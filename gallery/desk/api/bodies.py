"""The bodies of requests: a form with photos, or JSON with photos in base64 or embeddings."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from gallery.desk.config import DeskConfig
from gallery.desk.errors import BadRequestError, TooLargeError, UnknownTypeError
from gallery.desk.photo_faces import Upload
from gallery.desk.uploads import read_form

_FORMS: Final = frozenset({"multipart/form-data", "application/x-www-form-urlencoded"})

Document = TypeVar("Document", bound=BaseModel)


async def read_body(
    request: Request, config: DeskConfig, kind: type[Document]
) -> tuple[Document, list[Upload]]:
    """Return a request's document, and the photos that came as files of its form or in base64.

    The fields of a form are those of the document but its photos, which are files. Handlers call it
    once they know who asks, and declare no body: the framework would read that before.

    Raises
    ------
    UnknownTypeError
        If it is neither JSON nor a form.
    BadRequestError, TooLargeError
        If it is not what the document wants.
    """
    given_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given_type == "application/json":
        # In a thread: others wait for the event loop.
        return await run_in_threadpool(_parsed, kind, await _whole(request), config)
    if given_type not in _FORMS and _has_body(request):
        raise UnknownTypeError(
            "the Content-Type of a body must be multipart/form-data or application/json"
        )
    form = await read_form(request, config)
    if any(name.lstrip().startswith(("{", "[")) for name in form.fields):
        raise BadRequestError(
            "this looks like JSON that was sent as a form: add the header "
            "Content-Type: application/json"
        )
    given = {name: value for name, value in form.fields.items() if name != "form_token"}
    return _validated(kind, json.dumps(given).encode()), list(form.uploads)


def _has_body(request: Request) -> bool:
    length = request.headers.get("content-length", "0")
    return length != "0" or "transfer-encoding" in request.headers


async def _whole(request: Request) -> bytearray:
    # Unlike `Request.body`, it is not kept until the request ends.
    whole = bytearray()
    async for piece in request.stream():
        whole += piece
    return whole


def _parsed(
    kind: type[Document], body: bytearray, config: DeskConfig
) -> tuple[Document, list[Upload]]:
    if body.count(b",") >= config.max_values:
        raise TooLargeError(
            f"a document may have at most {config.max_values:,} values: send fewer at once"
        )
    document = _validated(kind, body)
    photos: list[str] = getattr(document, "photos", [])
    uploads = _decoded(photos, config)
    photos.clear()
    return document, uploads


def _decoded(photos: list[str], config: DeskConfig) -> list[Upload]:
    """Return photos that came in base64 (`BadRequestError`, `TooLargeError`)."""
    if len(photos) > config.max_photos:
        raise TooLargeError(f"a request may have at most {config.max_photos} photos: send fewer")
    found = []
    for number, text in enumerate(photos):
        # As a data URL, too, as browsers and other services write them.
        _, _, payload = text.rpartition(",")
        try:
            # Many programs write it in lines.
            data = base64.b64decode(payload.encode().translate(None, b"\r\n\t "), validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadRequestError(
                f"photos.{number}: it is not base64 of the standard alphabet, padded with ="
            ) from error
        if len(data) > config.max_photo:
            raise TooLargeError(f"a photo may have at most {config.max_photo // 2**20} MiB")
        found.append(Upload(str(number), data))
    return found


def _validated(kind: type[Document], body: bytes | bytearray) -> Document:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        unknown = first["type"] == "extra_forbidden"
        # Not chained: that error holds the body.
        said = f"{where}: {_unknown_among(kind) if unknown else first['msg']}"
    raise BadRequestError(said)


def _unknown_among(kind: type[BaseModel]) -> str:
    return f"there is no such field; there are {', '.join(kind.model_fields)}"

"""The reading of forms with files, in memory alone: a photo never touches a temporary file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from gallery.desk.access.body_limits import too_large
from gallery.desk.config import DeskConfig
from gallery.desk.errors import BadRequestError, TooLargeError
from gallery.desk.photo_faces import Upload

_MOST_FIELDS = 64
LONGEST_FIELD = 2**20
"""Bytes of a field of a form that is no file."""


@dataclass(frozen=True)
class Form:
    """The fields of a form, and its files.

    Attributes
    ----------
    fields
        Texts by name, the last of each.
    uploads
        Files in order; those without content and name, as empty inputs send them, are left out.
    """

    fields: Mapping[str, str]
    uploads: tuple[Upload, ...]

    def text(self, name: str) -> str:
        """Return a field that must be there and not blank (`BadRequestError`)."""
        value = self.fields.get(name, "").strip()
        if not value:
            raise BadRequestError(f"the field {name!r} is missing")
        return value

    def number(self, name: str) -> float | None:
        """Return a field as a number, or None if it is missing or blank (`BadRequestError`)."""
        value = self.fields.get(name, "").strip()
        try:
            return float(value) if value else None
        except ValueError as error:
            raise BadRequestError(f"the field {name!r} must be a number") from error

    def flag(self, name: str) -> bool:
        """Return whether a box is ticked."""
        return self.fields.get(name, "") in ("1", "on", "true", "yes")

    def photos(self) -> list[Upload]:
        """Return the files, of which there must be one at least (`BadRequestError`)."""
        if not self.uploads:
            raise BadRequestError("choose a photo first")
        return list(self.uploads)


async def read_form(request: Request, config: DeskConfig) -> Form:
    """Read a form, ``multipart/form-data`` or URL-encoded.

    Raises
    ------
    BadRequestError, TooLargeError
        If it is malformed, or has too many or too large parts.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    # Python has codecs that take quadratic time, and such that give what is no text.
    if options.get(b"charset", b"utf-8").lower() not in (b"utf-8", b"utf8"):
        raise BadRequestError("the form's charset must be utf-8")
    if kind != b"multipart/form-data":
        return await _read_texts(request, kind, config)
    parser = MultiPartParser(
        request.headers,
        request.stream(),
        max_files=config.max_photos,
        max_fields=_MOST_FIELDS,
        max_part_size=LONGEST_FIELD,
    )
    # Larger parts would be written to a temporary file.
    parser.spool_max_size = config.max_request + 1
    try:
        parsed = await parser.parse()
    except MultiPartException as error:
        if error.message.startswith("Too many files"):
            most = config.max_photos
            raise TooLargeError(f"a request may have at most {most} photos: send fewer") from error
        raise BadRequestError(f"the form cannot be read: {error.message}") from error
    except (KeyError, ValueError) as error:
        raise BadRequestError(f"the form cannot be read: {error}") from error
    try:
        return await _form_of(parsed, config)
    finally:
        await parsed.close()


async def _read_texts(request: Request, kind: bytes, config: DeskConfig) -> Form:
    """Read a URL-encoded form, which has no photos and so is small, whatever its address takes."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > config.max_small_request:
            raise too_large(config.max_small_request)
    if kind != b"application/x-www-form-urlencoded":
        return Form({}, ())
    try:
        # Its text is in ASCII; with latin-1 whatever else there is stays what it is.
        given = parse_qsl(
            body.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError as error:
        raise BadRequestError(f"the form cannot be read: {error}") from error
    return Form(dict(given), ())


async def _form_of(parsed: FormData, config: DeskConfig) -> Form:
    fields: dict[str, str] = {}
    uploads: list[Upload] = []
    for name, value in parsed.multi_items():
        if not isinstance(value, UploadFile):
            fields[name] = value
        elif value.filename or value.size:
            if (value.size or 0) > config.max_photo:
                most = config.max_photo // 2**20
                raise TooLargeError(
                    f"a file may have at most {most} MiB: {value.filename} has more"
                )
            uploads.append(Upload(value.filename or "photo", await value.read()))
            await value.close()  # the parser's own copy goes
    return Form(fields, tuple(uploads))

"""The failure message: an error of this project, as one side tells the other."""

from __future__ import annotations

from dataclasses import dataclass

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
    SchemaVersionError,
    ServerBusyError,
    ServerError,
    WriteConflictError,
)
from gallery.hints import Hint
from gallery.messages.wire import MessageType, Reader, Writer

MAX_TEXT = 1000
"""Characters of the message of an error that crosses; the rest is cut off."""

_KINDS = {
    kind.__name__: kind
    for kind in (
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
        SchemaVersionError,
        ServerBusyError,
        ServerError,
        WriteConflictError,
    )
}
"""Errors that a keyless side can find. That a passphrase is wrong, or a gallery was rolled back,
only the owner's side can tell: no other side may make a program say so."""

_HINTS = {
    AccessDeniedError.__name__: Hint.ASK_FOR_TOKEN,
    ErasurePendingError.__name__: Hint.PURGE,
    GalleryExistsError.__name__: Hint.OTHER_GALLERY_NAME,
    GalleryNotFoundError.__name__: Hint.MAKE_GALLERY,
    KeyMismatchError.__name__: Hint.OTHER_KEY,
    WriteConflictError.__name__: Hint.TRY_AGAIN,
}
"""The hint for a failure, known by its kind. Hints do not cross: a program that asks a server
over HTTP may use neither this library nor its command line."""


@dataclass(frozen=True)
class Failure:
    """An error of this project as data: the name of its class, and its message.

    Attributes
    ----------
    kind
        Name of the error's class.
    text
        Its message.
    """

    kind: str
    text: str

    @classmethod
    def of(cls, error: GalleryError) -> Failure:
        """Return the failure that stands for an error."""
        return cls(type(error).__name__, _shown(error.message))

    def error(self) -> GalleryError:
        """Return the error that it stands for; `ServerError` for one that a server cannot find.

        Its text comes from another machine: characters that could steer a terminal are taken out.
        """
        kind = _KINDS.get(self.kind, ServerError)
        return kind(_shown(self.text), hint=_HINTS.get(self.kind))

    def to_bytes(self) -> bytes:
        """Return the message."""
        return Writer(MessageType.FAILURE).text(self.kind).text(self.text).bytes()

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> Failure:
        """Read a message (`MalformedMessageError`)."""
        reader = Reader(data, MessageType.FAILURE)
        found = cls(reader.text(), reader.text())
        reader.end()
        return found


def _shown(text: str) -> str:
    """Return a text of printable characters, and not of more than `MAX_TEXT`."""
    return "".join(c if c.isprintable() else " " for c in text[:MAX_TEXT])

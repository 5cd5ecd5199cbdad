"""The errors of the desk itself; all others are those of the library."""

from __future__ import annotations

from typing import ClassVar

from gallery.errors import GalleryError


class DeskError(GalleryError):
    """A request to the desk cannot be done."""

    status: ClassVar[int] = 400


class LockedError(DeskError):
    """The key is not open."""

    status = 423


class NotFoundError(DeskError):
    """There is nothing of this address or name."""

    status = 404


class UnknownGalleryError(NotFoundError):
    """The desk has no such gallery."""


class NotSignedInError(DeskError):
    """A request has neither a session nor a token that is valid."""

    status = 401


class NotAllowedError(DeskError):
    """A session or token does not allow a request, or the request comes from another site."""

    status = 403


class TooManySearchesError(DeskError):
    """A token searched more often than it may."""

    status = 429


class TooManyStreamsError(DeskError):
    """A token has as many event streams open as it may."""

    status = 429


class BusyError(DeskError):
    """Too many requests wait already."""

    status = 503


class TooLargeError(DeskError):
    """A request or a photo in it is larger than the desk takes."""

    status = 413


class UnknownTypeError(DeskError):
    """The body of a request is of a type that the desk does not read."""

    status = 415


class TooSlowError(DeskError):
    """The body of a request does not come in time."""

    status = 408


class BadRequestError(DeskError):
    """A request lacks something, or says it in a way that is not understood."""

    status = 422

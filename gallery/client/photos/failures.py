"""Photos and folders that could not be used, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass

from gallery.client.photos.sources import PhotoName
from gallery.errors import GalleryError
from gallery.hints import Hint


@dataclass(frozen=True)
class PhotoFailure:
    """A photo that gave no embedding, why, and what to do about it where that is a `Hint`.

    The path may be a folder's, where that cannot be read or holds no photo, or the name of a photo
    that is no file.

    Attributes
    ----------
    path
        The photo or folder.
    reason
        The reason, in words.
    hint
        The way out, or None.
    """

    path: PhotoName
    reason: str
    hint: Hint | None = None

    @classmethod
    def of(cls, path: PhotoName, error: GalleryError) -> PhotoFailure:
        """Return the failure of a photo for an error."""
        return cls(path, error.message, error.hint)

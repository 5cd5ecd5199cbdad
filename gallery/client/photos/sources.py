"""The sources of photos: paths, URLs, bytes, file objects and pictures, each readable twice.

A file object is read and a URL fetched once; a path stays a path, so that a long list of photos
takes no memory.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from gallery.client.photos.web_photos import PhotoUrl, fetch_photo, is_url
from gallery.client.regular_file import open_regular
from gallery.errors import UnreadablePhotoError
from gallery.url_masking import masked_url

if TYPE_CHECKING:
    from PIL import Image

PhotoName = Path | str
"""The name of a photo: its path, or text for one that is no file."""

FILE_LIMIT: Final = 1_000_000_000
"""Bytes; larger files are not read."""


@dataclass(frozen=True, eq=False)
class HeldPhoto:
    """A photo to be read, as often as needed.

    Attributes
    ----------
    name
        What messages call it: the path, where it has one.
    content
        The path, the bytes of the file, or the picture itself.
    """

    name: str
    content: Path | bytes | Image.Image

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Open the file of a photo that is no picture of Pillow (`OSError`)."""
        if isinstance(self.content, Path):
            with open_regular(self.content) as file:
                yield file
        elif isinstance(self.content, bytes):
            yield io.BytesIO(self.content)
        else:
            raise TypeError("a picture has no file")

    def digest(self) -> bytes:
        """Return the SHA-256 of its file's bytes, or of the pixels of a picture without a file.

        Raises
        ------
        UnreadablePhotoError
            It cannot be read.
        """
        try:
            if isinstance(self.content, (Path, bytes)):
                with self.opened() as file:
                    return hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type]
            return _pixels_digest(self.content)
        except OSError as error:
            raise unreadable(self.name, reason_of(error)) from error


if TYPE_CHECKING:
    PhotoSource: TypeAlias = (
        str
        | os.PathLike[str]
        | bytes
        | bytearray
        | memoryview
        | BinaryIO
        | Image.Image
        | npt.NDArray[np.uint8]
        | PhotoUrl
        | HeldPhoto
    )
    """A path, an address of the web (text that begins with ``http://`` or ``https://``, or a
    `PhotoUrl`), the bytes of a picture's file, a binary file object that is read to its end, a
    picture of Pillow, or pixels: uint8, shape (height, width, 3), in the order red, green, blue."""


def hold(source: PhotoSource, name: str | None = None) -> HeldPhoto:
    """Return a photo that can be read as often as needed.

    Parameters
    ----------
    source
        The photo.
    name
        What messages call it; by default its path, or of what kind it is.

    Returns
    -------
    HeldPhoto
        The photo; a file object or a URL has been read.

    Raises
    ------
    UnreadablePhotoError
        It is of no kind that is understood, or cannot be read.
    """
    if isinstance(source, HeldPhoto):
        return source
    called = name or str(photo_name(source))
    if isinstance(source, str) and is_url(source):
        source = PhotoUrl(source)
    if isinstance(source, PhotoUrl):
        return HeldPhoto(called, fetch_photo(source))
    if isinstance(source, (str, os.PathLike)):
        return HeldPhoto(called, Path(source))
    if isinstance(source, (bytes, bytearray, memoryview)):
        return HeldPhoto(called, bytes(source))
    if isinstance(source, np.ndarray):
        return HeldPhoto(called, _picture_of(source, called))
    if hasattr(source, "read"):
        return HeldPhoto(called, _all_of(source, called))
    if _is_picture(source):
        return HeldPhoto(called, source)
    raise unreadable(
        called,
        "give a path, bytes, a binary file object, a picture of Pillow, or an array of pixels",
    )


def check_several(photos: object) -> None:
    """Refuse one photo where several are to be listed (`TypeError`): what it holds is no photo."""
    kinds = (str, bytes, bytearray, memoryview, os.PathLike, PhotoUrl, HeldPhoto)
    pixels = isinstance(photos, np.ndarray) and photos.ndim < 4
    if isinstance(photos, kinds) or pixels or hasattr(photos, "read") or _is_picture(photos):
        raise TypeError("photos are given as a list, such as [photo], also if there is only one")


def photo_name(source: object, position: int = 0) -> PhotoName:
    """Return the name of one of several photos in messages: its path, if it has one.

    Parameters
    ----------
    source
        The photo.
    position
        Its place among them, from 0, by which one without a name is called.
    """
    if isinstance(source, HeldPhoto):
        return source.content if isinstance(source.content, Path) else source.name
    if isinstance(source, PhotoUrl) or (isinstance(source, str) and is_url(source)):
        return masked_url(str(source))
    if isinstance(source, (str, os.PathLike)):
        return Path(source)
    for attribute in ("filename", "name"):
        name = getattr(source, attribute, "")
        if isinstance(name, (str, os.PathLike)) and name:
            return os.fspath(name)
    kind = "array" if isinstance(source, np.ndarray) else type(source).__name__
    return f"photo {position + 1} ({kind})"


def unreadable(name: str, reason: str) -> UnreadablePhotoError:
    """Return the error that a photo cannot be read, for a reason."""
    named = name if name.startswith("photo ") else f"photo {name}"  # as those without a name are
    return UnreadablePhotoError(f"The {named} cannot be read: {reason}")


def reason_of(error: OSError) -> str:
    """Return the system's reason for an error with a file, as the end of a sentence."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    reason = error.strerror or str(error)
    return reason[:1].lower() + reason[1:]


def _is_picture(source: object) -> bool:
    try:
        from PIL import Image
    except ImportError:  # then nobody can have made one
        return False
    return isinstance(source, Image.Image)


def _picture_of(pixels: npt.NDArray[Any], name: str) -> Image.Image:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise unreadable(
            name,
            f"an array of {pixels.dtype} and shape {pixels.shape} is no picture: it must be uint8, "
            "shape (height, width, 3), in the order red, green, blue",
        )
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(pixels))


def _all_of(file: Any, name: str) -> bytes:
    content = bytearray()
    try:
        while len(content) <= FILE_LIMIT and (piece := file.read(FILE_LIMIT + 1 - len(content))):
            content += piece
    except TypeError as error:
        raise unreadable(name, "the file object gives text: open it in binary mode") from error
    except (OSError, ValueError) as error:  # ValueError: it is closed
        reason = reason_of(error) if isinstance(error, OSError) else str(error)
        raise unreadable(name, reason) from error
    return bytes(content)


def _pixels_digest(picture: Image.Image) -> bytes:
    from gallery.client.photos.metadata import orientation_of

    orientation = orientation_of(picture)
    said = f"{picture.mode} {picture.width}x{picture.height} {orientation}\0"
    return hashlib.sha256(said.encode() + picture.tobytes()).digest()

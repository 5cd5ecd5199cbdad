"""The decoding of a photo: checked before, upright after.

DeepFace's own reader refuses paths that are not ASCII, takes a truncated JPEG for a whole one and
decodes whatever size a header claims; hence Pillow, and DeepFace gets arrays only.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from gallery.client.photos.containers import HEAD_BYTES as VIDEO_HEAD_BYTES
from gallery.client.photos.containers import is_container
from gallery.client.photos.formats import HEAD_BYTES, READABLE, picture_format
from gallery.client.photos.metadata import (
    orientation_of,
    turned_size,
    upright,
    without_metadata,
)
from gallery.client.photos.pixels import (
    Converter,
    UnclearPixelsError,
    converter_for,
    has_empty_alpha,
    reduced,
    to_rgb,
)
from gallery.client.photos.preprocessing import LONGEST_SIDE
from gallery.client.photos.sources import FILE_LIMIT, hold, reason_of, unreadable

if TYPE_CHECKING:
    from gallery.client.photos.sources import HeldPhoto, PhotoSource

PIXEL_LIMIT: Final = 100_000_000
"""Photos whose header claims more pixels are not decoded: at 4 bytes each that is 400 MB."""

PIXEL_LIMITS: Final = {"JPEG": 220_000_000, "WebP": 40_000_000}
"""The same for formats with another limit. JPEG is decoded at a half, a quarter or an eighth of its
size, so that photos of 200 megapixels take no more; the decoder of WebP holds three copies."""

LARGE: Final = 32_000_000
"""Photos of more pixels are reduced before they are turned, without copies of all of it."""

COEFFICIENT_LIMIT: Final = 640_000_000
"""Bytes of coefficients of a progressive JPEG, all of which its decoder holds at once."""


def _open_heic(file: IO[bytes], name: str) -> ImageFile:
    # Imported late: it is an extra, and not everybody's.
    from pillow_heif import HeifImageFile

    opened: ImageFile = HeifImageFile(file, name)  # type: ignore[no-untyped-call]
    return opened


# Image.open would refuse large pictures before their format's own limit is looked at, guesses by
# names, and takes a second picture in a JPEG file (MPO) for a reason to warn.
_OPENERS: Final[dict[str, Callable[[IO[bytes], str], ImageFile]]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WebP": WebPImageFile,
    "BMP": BmpImageFile,
    "TIFF": TiffImageFile,
    "HEIC": _open_heic,
}

_HEIC_EXTRA: Final = "pip install 'encrypted-face-gallery[heic]'"


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded photo.

    Attributes
    ----------
    name
        What messages call it.
    pixels
        uint8, shape (height, width, 3), in the order blue, green, red, as OpenCV and DeepFace have
        them. Transparent pixels are white, grey ones have three equal values, 16-bit ones are
        reduced to 8 bits.
    size
        Width and height of the upright picture that it was made of, before it was shrunk.
    reduction
        How many times longer the sides of that picture are, at least 1.
    """

    name: str
    pixels: npt.NDArray[np.uint8]
    size: tuple[int, int]
    reduction: float


def read_photo(source: PhotoSource) -> npt.NDArray[np.uint8]:
    """Return the pixels of `open_photo`; raises what it raises."""
    return open_photo(source).pixels


def open_photo(source: PhotoSource, longest: int = LONGEST_SIDE) -> Photo:
    """Decode a photo, turn it upright and shrink its longest side to at most so many pixels.

    Broken metadata does not matter, nor what the file is called.

    Raises
    ------
    UnreadablePhotoError
        The file is missing, no photo, damaged, truncated, claims too many pixels, or has a layout
        of pixels whose meaning is not clear.
    """
    held = hold(source)
    try:
        colour, size = _decoded(held, longest)
    except UnclearPixelsError as error:
        raise unreadable(held.name, str(error)) from error
    except OSError as error:
        raise unreadable(held.name, reason_of(error)) from error
    pixels = np.ascontiguousarray(np.asarray(colour, dtype=np.uint8)[:, :, ::-1])
    return Photo(held.name, pixels, size, max(size) / max(colour.size))


def _decoded(held: HeldPhoto, longest: int) -> _Decoded:
    if isinstance(held.content, Image.Image):
        return _upright(held.content, longest)
    with held.opened() as file:
        return _decode(file, longest)


_Decoded = tuple[Image.Image, tuple[int, int]]
"""A picture in mode RGB, upright and shrunk, and width and height of the whole of it, upright."""


def _decode(file: IO[bytes], longest: int) -> _Decoded:
    """Decode an open file (`UnclearPixelsError`, with the reason)."""
    kind = _kind(file)
    with warnings.catch_warnings():
        # About metadata, and about sizes below our own limits.
        warnings.simplefilter("ignore")
        try:
            return _picture(file, kind, longest)
        except UnclearPixelsError:
            raise
        # Pillow's decoders raise nearly anything on damaged files: OSError, SyntaxError,
        # ValueError, struct.error, EOFError, KeyError...
        except Exception as error:
            damage = error
        file.seek(0)
        bare = without_metadata(file.read(), kind)
        if bare is None:
            raise UnclearPixelsError(_told(kind, damage)) from damage
        try:
            return _picture(io.BytesIO(bare.data), kind, longest, bare.orientation)
        except UnclearPixelsError:
            raise
        except Exception:  # It is not the metadata, so the first error says what it is.
            raise UnclearPixelsError(_told(kind, damage)) from damage


def _kind(file: IO[bytes]) -> str:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(VIDEO_HEAD_BYTES)
    kind = picture_format(head[:HEAD_BYTES])
    file.seek(0)
    if size == 0:
        raise UnclearPixelsError("the file is empty")
    if kind is None and is_container(head):
        raise UnclearPixelsError(
            "it is a video, where a photo is wanted; a search takes videos that are files"
        )
    if kind is None:
        raise UnclearPixelsError("it is no JPEG, PNG, WebP, BMP, TIFF or HEIC picture")
    if kind not in READABLE:
        raise UnclearPixelsError(f"{kind} pictures are not supported, convert it to JPEG or PNG")
    if kind == "HEIC" and find_spec("pillow_heif") is None:
        raise UnclearPixelsError(
            "HEIC and HEIF pictures need the package pillow-heif, not installed here: "
            f"{_HEIC_EXTRA}; or convert it to JPEG or PNG"
        )
    if size > FILE_LIMIT:
        raise UnclearPixelsError(f"the file has more than {FILE_LIMIT // 10**6} MB")
    return kind


def _picture(file: IO[bytes], kind: str, longest: int, orientation: int | None = None) -> _Decoded:
    """Decode a picture; its own orientation counts unless another is given."""
    image = _OPENERS[kind](file, "")
    size = image.size
    _check_size(image, kind)
    convert = converter_for(image)
    if _pixels(image) > LARGE:
        # Only JPEG has smaller pictures inside; others pay no heed.
        image.draft(None, (_scaled(image, 2 * longest)))
    image.load()
    if orientation is None:
        orientation = orientation_of(image)
    return _shrunk(image, convert, longest, orientation), turned_size(size, orientation)


def _upright(image: Image.Image, longest: int) -> _Decoded:
    """Turn and shrink a picture that somebody else opened, and leave it as it is."""
    if not all(image.size):
        raise UnclearPixelsError("it has no pixels")
    if _pixels(image) > max(PIXEL_LIMIT, *PIXEL_LIMITS.values()):
        raise UnclearPixelsError(f"it has {image.width} x {image.height} pixels, which is too many")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            convert = converter_for(image)
            image.load()
            orientation = orientation_of(image)
            colour = _shrunk(image, convert, longest, orientation)
            return colour, turned_size(image.size, orientation)
        except UnclearPixelsError:
            raise
        except Exception as error:  # Pillow opens files late, and its decoders raise anything.
            raise UnclearPixelsError(_told(image.format or "picture", error)) from error


def _shrunk(image: Image.Image, convert: Converter, longest: int, orientation: int) -> Image.Image:
    if _pixels(image) > LARGE:
        colour = reduced(image, convert, max(1, max(image.size) // (2 * longest)))
    else:
        colour = to_rgb(image, convert, empty_alpha=has_empty_alpha(image))
    colour = upright(colour, orientation)
    if max(colour.size) > longest:
        colour = colour.resize(_scaled(colour, longest), Image.Resampling.BOX)
    return colour


def _check_size(image: ImageFile, kind: str) -> None:
    width, height = image.size
    limit = PIXEL_LIMITS.get(kind, PIXEL_LIMIT)
    if width * height > limit:
        raise UnclearPixelsError(
            f"its header claims {width} x {height} pixels, more than the {limit // 10**6} million"
            f" that are decoded of {kind}"
        )
    if isinstance(image, JpegImageFile) and "progressive" in image.info:
        widest = max(across * down for _, across, down, _ in image.layer)
        values = sum(across * down for _, across, down, _ in image.layer) * width * height
        if 2 * values > COEFFICIENT_LIMIT * widest:
            raise UnclearPixelsError(
                f"a progressive JPEG of {width} x {height} pixels takes too much memory: save it"
                " as baseline JPEG, or smaller"
            )


def _pixels(image: Image.Image) -> int:
    return image.width * image.height


def _scaled(image: Image.Image, longest: int) -> tuple[int, int]:
    scale = longest / max(image.size)
    return max(1, round(image.width * scale)), max(1, round(image.height * scale))


def _told(kind: str, error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "it takes more memory than there is"
    said = str(error) or type(error).__name__
    if isinstance(error, SyntaxError):
        return f"damaged, or a {kind} of a kind that is not supported ({said})"
    return f"damaged or truncated ({said})"

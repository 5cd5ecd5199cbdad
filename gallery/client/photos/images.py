"""A photo on disk: checked before it is decoded, and decoded upright.

DeepFace's own reader refuses paths that are not ASCII, takes a truncated JPEG for a whole one and
decodes whatever size a header claims; hence Pillow, and DeepFace gets arrays only.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from gallery.client.photos.folders import UNREADABLE
from gallery.client.photos.preprocessing import LONGEST_SIDE
from gallery.errors import UnreadablePhotoError

PIXEL_LIMIT: Final = 100_000_000
"""Photos whose header claims more pixels are not decoded: at 3 bytes each that is 300 MB."""

_FORMATS: Final = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded photo.

    Attributes
    ----------
    pixels
        uint8, shape (height, width, 3), in the order blue, green, red, as OpenCV and DeepFace have
        them. Transparent pixels are white, grey ones have three equal values, 16-bit ones are
        reduced to 8 bits.
    reduction
        How many times longer the sides of the file's picture are, at least 1.
    """

    pixels: npt.NDArray[np.uint8]
    reduction: float


def read_photo(path: str | os.PathLike[str]) -> npt.NDArray[np.uint8]:
    """Return the pixels of `open_photo`; raises what it raises."""
    return open_photo(path).pixels


def open_photo(path: str | os.PathLike[str]) -> Photo:
    """Decode a photo, turn it upright and shrink it to at most `LONGEST_SIDE`.

    Raises
    ------
    UnreadablePhotoError
        The file is missing, no photo, damaged, truncated, or claims too many pixels.
    """
    photo = Path(path)
    if not photo.is_file():
        reason = "it is a folder" if photo.is_dir() else "there is no such file"
        raise UnreadablePhotoError(f"The photo {photo} cannot be read: {reason}")
    try:
        return _decode(photo)
    except UnreadablePhotoError:
        raise
    # Pillow's decoders raise nearly anything on damaged files: OSError, SyntaxError, ValueError,
    # struct.error, EOFError, KeyError, DecompressionBombError...
    except Exception as error:
        raise UnreadablePhotoError(
            f"The photo {photo} cannot be read: {_reason(photo, error)}"
        ) from error


def _decode(photo: Path) -> Photo:
    with warnings.catch_warnings():
        # Warns below our own limit already, which is checked next.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        image = Image.open(photo, formats=_FORMATS)
    with image:
        width, height = image.size
        if width * height > PIXEL_LIMIT:
            raise UnreadablePhotoError(
                f"The photo {photo} is not read: its header claims {width} x {height} pixels,"
                f" more than {PIXEL_LIMIT // 10**6} million"
            )
        upright = ImageOps.exif_transpose(image)
        colour = _shrink(_to_rgb(upright))
    pixels = np.ascontiguousarray(np.asarray(colour, dtype=np.uint8)[:, :, ::-1])
    return Photo(pixels, max(width, height) / max(colour.size))


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "I" or image.mode.startswith("I;16"):
        # Pillow's own conversion clips everything above 255 to white.
        wide = np.asarray(image).astype(np.int64)
        return Image.fromarray(np.clip(wide >> 8, 0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        # What lies below transparent pixels is arbitrary; as everyone else sees it, it is paper.
        opaque = Image.new("RGBA", image.size, "white")
        opaque.alpha_composite(image.convert("RGBA"))
        return opaque.convert("RGB")
    return image.convert("RGB")


def _shrink(image: Image.Image) -> Image.Image:
    scale = LONGEST_SIDE / max(image.size)
    if scale >= 1:
        return image
    width, height = (max(1, round(side * scale)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BOX)


def _reason(photo: Path, error: Exception) -> str:
    if photo.suffix.lower() in UNREADABLE:
        return f"{photo.suffix} files are not supported, convert it to JPEG or PNG"
    if photo.stat().st_size == 0:
        return "the file is empty"
    if isinstance(error, UnidentifiedImageError):
        return "it is no JPEG, PNG, WebP, BMP or TIFF picture"
    if isinstance(error, PermissionError):
        return "permission denied"
    return f"damaged or truncated ({str(error) or type(error).__name__})"

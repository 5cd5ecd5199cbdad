"""Pixels of any layout as red, green and blue of 8 bits: right, or refused with the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from PIL import Image, ImageChops
from PIL.TiffImagePlugin import TiffImageFile

_ROWS: Final = 512
"""Rows that are converted at once where a picture is reduced: copies of all of it take too much."""

# Tags of TIFF 6.0, sections 8 and 19, and of DNG.
_BITS, _PHOTOMETRIC, _FORMAT, _PLANAR, _SUBFILE, _DNG = 258, 262, 339, 284, 254, 50706
_WHITE_IS_ZERO: Final = 0
_UNSIGNED: Final = frozenset({1, 4})  # 4 is "undefined", which readers take for unsigned

Converter = Callable[[Image.Image], Image.Image]


class UnclearPixelsError(Exception):
    """The pixels have a layout whose meaning is not clear; the message says which."""


def converter_for(image: Image.Image) -> Converter:
    """Return a function that converts an image, or a part of it, to mode RGB.

    Parameters
    ----------
    image
        As it was opened; it need not be decoded yet.

    Raises
    ------
    UnclearPixelsError
        Nobody knows which values are black and white, or what is a colour.
    """
    bits, white_is_zero = 16, False
    if isinstance(image, TiffImageFile):
        _check_tiff(image)
        bits = int(max(image.tag_v2.get(_BITS, (1,))))
        white_is_zero = image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    if image.mode.startswith("I"):
        return lambda part: _grey_of_more_bits(part, bits, white_is_zero)
    if image.mode == "F":
        raise UnclearPixelsError("its pixels are floating-point numbers, without a known white")
    if image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
        # Pillow takes all for Adobe's, which have the inks the other way round.
        return lambda part: ImageChops.invert(part).convert("RGB")
    # Most are: another copy of all of them would take as long as half of the decoding.
    return lambda part: part if part.mode == "RGB" else part.convert("RGB")


def _check_tiff(image: TiffImageFile) -> None:
    tags = image.tag_v2
    if _DNG in tags or int(tags.get(_SUBFILE, 0)) & 1:
        raise UnclearPixelsError("camera raw pictures are not supported, convert it to JPEG or PNG")
    formats = set(np.ravel(tags.get(_FORMAT, 1)).tolist())
    if not formats <= _UNSIGNED:
        kind = "floating-point" if 3 in formats else "signed"
        raise UnclearPixelsError(f"its pixels are {kind} numbers, without a known white")
    bits = int(max(tags.get(_BITS, (1,))))
    if bits > 16:
        raise UnclearPixelsError(f"its pixels have {bits} bits a value, without a known white")
    if bits > 8 and tags.get(_PLANAR, 1) == 2:
        raise UnclearPixelsError(f"its colours lie apart in planes of {bits} bits")
    if _PHOTOMETRIC not in tags:
        raise UnclearPixelsError("it does not say whether black or white is 0")


def _grey_of_more_bits(image: Image.Image, bits: int, white_is_zero: bool) -> Image.Image:
    # Pillow's own conversion clips everything above 255 to white.
    wide = np.asarray(image).astype(np.int64) >> (bits - 8)
    grey = np.clip(wide, 0, 255).astype(np.uint8)
    return Image.fromarray(255 - grey if white_is_zero else grey).convert("RGB")


def has_empty_alpha(image: Image.Image) -> bool:
    """Whether an image has an alpha channel by which all of it would be transparent.

    Programs leave the alpha of some bitmaps empty that have none, so it is no alpha then.
    """
    if image.mode not in ("RGBA", "LA"):
        return False
    return image.getchannel("A").getextrema()[1] == 0


def to_rgb(image: Image.Image, convert: Converter, *, empty_alpha: bool = False) -> Image.Image:
    """Return an image in mode RGB; what is transparent is white, as on paper."""
    if empty_alpha or image.mode.startswith("I") or not image.has_transparency_data:
        return convert(image)
    # The colour of transparent pixels is arbitrary.
    opaque = Image.new("RGBA", image.size, "white")
    opaque.alpha_composite(image.convert("RGBA"))
    return opaque.convert("RGB")


def reduced(image: Image.Image, convert: Converter, factor: int) -> Image.Image:
    """Return an image in mode RGB with sides `factor` times shorter, without a copy of all of it.

    Rows and columns that do not fill a pixel of the result count as much as those that do.
    """
    width, height = image.size
    empty_alpha = has_empty_alpha(image)
    result = Image.new("RGB", (-(-width // factor), -(-height // factor)))
    step = factor * max(1, _ROWS // factor)
    for top in range(0, height, step):
        part = image.crop((0, top, width, min(height, top + step)))
        colour = to_rgb(part, convert, empty_alpha=empty_alpha)
        result.paste(colour.reduce(factor), (0, top // factor))
    return result

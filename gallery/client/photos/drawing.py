"""Drawings of what was found in photos: a frame around each face, and a line of text at it."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw, ImageFont

from gallery.client.photos.faces import FaceBox
from gallery.client.photos.images import open_photo

if TYPE_CHECKING:
    from gallery.client.photos.sources import PhotoSource

LONGEST_DRAWN: Final = 2048
"""Pixels of the longest side of a drawing; larger photos are shrunk for it."""

_FONTS: Final = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "Arial.ttf",
    "Arial Unicode.ttf",
    "NotoSansCJK-Regular.ttc",
    "NotoSansArabic-Regular.ttf",
    "NotoSansHebrew-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "WenQuanYi Zen Hei.ttf",
    "PingFang.ttc",
    "AppleSDGothicNeo.ttc",
    "GeezaPro.ttc",
)
"""Fonts of systems, for names in which there are other characters than Pillow's own font has."""

_NO_CHARACTER: Final = "\uffff"

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class DrawnFrame:
    """The frame that is drawn around a face, with its text.

    Attributes
    ----------
    box
        Where the face lies; None for all of the photo.
    text
        A line of text.
    colour
        Of the frame and behind the text, as Pillow names it.
    ending
        More text, which is there in full where the text before it must be cut to fit.
    """

    box: FaceBox | None
    text: str
    colour: str
    ending: str = ""


def draw_frames(photo: PhotoSource, frames: Iterable[DrawnFrame]) -> Image.Image:
    """Return a copy of a photo, upright and at most `LONGEST_DRAWN` long, with frames in it.

    Characters that no font here has are drawn without their accents, or as question marks.

    Raises
    ------
    UnreadablePhotoError
        The photo cannot be read.
    """
    opened = open_photo(photo, LONGEST_DRAWN)
    picture = Image.fromarray(opened.pixels[:, :, ::-1])
    draw = ImageDraw.Draw(picture)
    size = max(12, max(picture.size) // 45)
    for frame in frames:
        _draw_frame(draw, picture.size, opened.reduction, frame, size)
    return picture


def _draw_frame(
    draw: ImageDraw.ImageDraw, limits: tuple[int, int], scale: float, frame: DrawnFrame, size: int
) -> None:
    box = frame.box
    sides = (0, 0, *limits) if box is None else (box.left, box.top, box.right, box.bottom)
    shrink = 1.0 if box is None else scale
    left, top, right, bottom = (round(side / shrink) for side in sides)
    draw.rectangle((left, top, right - 1, bottom - 1), outline=frame.colour, width=size // 8 + 1)
    margin = size // 5
    font, text = lettering(frame.text, size)
    _, ending = lettering(frame.ending, size)
    text = _fitting(draw, font, text, ending, limits[0] - 2 * margin)
    x1, y1, x2, y2 = draw.textbbox((0, 0), text, font=font)
    width, height = round(x2 - x1), round(y2 - y1)
    # Above the face, or within its frame where there is no room; never beyond the right side.
    x = max(0, min(left, limits[0] - width - 2 * margin))
    y = top - height - 2 * margin if top >= height + 2 * margin else top
    draw.rectangle((x, y, x + width + 2 * margin, y + height + 2 * margin), fill=frame.colour)
    draw.text((x + margin - x1, y + margin - y1), text, fill="black", font=font)


def _fitting(draw: ImageDraw.ImageDraw, font: Font, text: str, ending: str, width: int) -> str:
    """Return a text with its ending, the text cut to what is so many pixels wide together."""

    def fits(line: str) -> bool:
        return draw.textlength(line, font=font) <= width

    if fits(text + ending):
        return text + ending
    lines = [f"{text[:count].rstrip()}...{ending}" for count in range(len(text))]
    return lines[max(0, bisect_left(lines, True, key=lambda line: not fits(line)) - 1)]


def lettering(text: str, size: int) -> tuple[Font, str]:
    """Return the font that has most of a text's characters, and the text as it can draw it.

    Parameters
    ----------
    text
        A line of text.
    size
        Height of the letters, in pixels.
    """
    fonts = fonts_of(size)
    lacks = [sum(not _has(font, character) for character in set(text)) for font in fonts]
    font = fonts[lacks.index(min(lacks))]
    return font, "".join(_drawable(font, character) for character in text)


def _drawable(font: Font, character: str) -> str:
    if _has(font, character):
        return character
    plain = unicodedata.normalize("NFKD", character)[0]
    return plain if _has(font, plain) else "?"


@lru_cache(maxsize=8)
def fonts_of(size: int) -> tuple[Font, ...]:
    """Return the fonts that there are, Pillow's own first."""
    fonts: list[Font] = [ImageFont.load_default(size)]
    for name in _FONTS:
        try:
            fonts.append(ImageFont.truetype(name, size))
        except OSError:  # not on this system
            continue
    return tuple(fonts)


@lru_cache(maxsize=4096)
def _has(font: Font, character: str) -> bool:
    """Whether a font has a character, and not the box that stands for any."""
    if unicodedata.category(character) in {"Cc", "Cs"}:
        return False  # Names of files may hold lines, and bytes that are no text.
    if character.isspace():
        return True
    shown, missing = font.getmask(character), font.getmask(_NO_CHARACTER)
    return (shown.size, bytes(shown)) != (missing.size, bytes(missing))

"""Sheets of thumbnails: small pictures in rows, each with a frame around its face and a name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw

from gallery.client.photos.drawing import Font, lettering

MOST_THUMBNAILS: Final = 60
"""Thumbnails of one sheet; what more there is is counted."""

_SIDE: Final = 160
_COLUMNS: Final = 6
_GAP: Final = 12
_LETTERS: Final = 14
_LINE: Final = 2 * _LETTERS
_PAPER, _INK, _FRAME = "white", "black", "lime"


@dataclass(frozen=True)
class Thumbnail:
    """A picture that is shown small.

    Attributes
    ----------
    picture
        The picture's file.
    face
        Left, top, right and bottom of the face, as shares of the picture's sides, 0 to 1.
    text
        What is written below it.
    """

    picture: Path
    face: tuple[float, float, float, float]
    text: str


def draw_sheet(title: str, thumbnails: Sequence[Thumbnail]) -> Image.Image:
    """Return a sheet of the first `MOST_THUMBNAILS` pictures, with a title and how many there are.

    Raises
    ------
    OSError
        A picture cannot be read.
    """
    shown = thumbnails[:MOST_THUMBNAILS]
    columns, rows = min(_COLUMNS, len(shown)), -(-len(shown) // _COLUMNS)
    width, height = _SIDE + _GAP, _SIDE + _LINE + _GAP
    sheet = Image.new("RGB", (columns * width + _GAP, rows * height + _LINE + _GAP), _PAPER)
    draw = ImageDraw.Draw(sheet)
    _write(draw, (_GAP, _GAP // 2), _heading(title, len(shown), len(thumbnails)), sheet.width)
    for number, item in enumerate(shown):
        left = _GAP + number % _COLUMNS * width
        top = _LINE + _GAP + number // _COLUMNS * height
        small = _small(item)
        sheet.paste(small, (left + (_SIDE - small.width) // 2, top + (_SIDE - small.height) // 2))
        _write(draw, (left, top + _SIDE + _LETTERS // 2), item.text, _SIDE)
    return sheet


def _heading(title: str, shown: int, count: int) -> str:
    if shown < count:
        return f"{title}: the first {shown} of {count:,} faces"
    return f"{title}: {count:,} faces" if count > 1 else f"{title}: 1 face"


def _small(item: Thumbnail) -> Image.Image:
    """Return a picture in its size on the sheet, with a frame around the face."""
    with Image.open(item.picture) as opened:
        opened.draft("RGB", (_SIDE, _SIDE))
        small = opened.convert("RGB")
    small.thumbnail((_SIDE, _SIDE))
    sides = (small.width - 1, small.height - 1) * 2
    left, top, right, bottom = (
        round(share * side) for share, side in zip(item.face, sides, strict=True)
    )
    ImageDraw.Draw(small).rectangle((left, top, right, bottom), outline=_FRAME, width=2)
    return small


def _write(draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, width: int) -> None:
    """Write a line of text, cut off where it is wider than its place."""
    font, line = lettering(text, _LETTERS)
    draw.text(place, _fitting(draw, font, line, width), fill=_INK, font=font)


def _fitting(draw: ImageDraw.ImageDraw, font: Font, line: str, width: int) -> str:
    if draw.textlength(line, font=font) <= width:
        return line
    # Names of files from a camera differ at their ends.
    for kept in range(len(line) - 1, 0, -1):
        cut = f"...{line[-kept:]}"
        if draw.textlength(cut, font=font) <= width:
            return cut
    return ""

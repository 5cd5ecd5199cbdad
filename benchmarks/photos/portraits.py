"""Portraits of one size, made of photos of another: the Face Research Lab London Set."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

LONDON = Path(__file__).parents[3] / "shared" / "photos" / "london"
"""Beside the checkout: two photos of each of 102 people, 400 pixels wide (DeBruine & Jones 2017,
CC BY 4.0)."""


def write_portraits(source: Path, count: int | None, side: int, folder: Path) -> list[Path]:
    """Write photos of a folder in another size, a sub-folder for each person; return their paths.

    A photo's person is what its name begins with, up to ``_``.
    """
    written = []
    for path in sorted(source.glob("*.jpg"))[:count]:
        person = folder / path.name.partition("_")[0]
        person.mkdir(exist_ok=True)
        target = person / path.name
        with Image.open(path) as image:
            picture = image.convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
        picture.save(target, quality=92)
        written.append(target)
    return written

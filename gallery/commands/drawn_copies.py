"""Drawn copies of photos: each with frames, names and distances, in a folder of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from gallery.commands.counts import counted
from gallery.commands.settings import Settings
from gallery.commands.terminal import printable
from gallery.errors import GalleryError

if TYPE_CHECKING:
    from gallery.client import HeldPhoto, Results
    from gallery.client.photos.drawing import DrawnFrame

_COLOURS: Final = {"match": "lime", "non-match": "orange"}
_QUALITY: Final = 90


class DrawnCopies:
    """A folder of drawn copies, in which nothing is overwritten.

    Parameters
    ----------
    folder
        The folder; made if it is not there.

    Raises
    ------
    GalleryError
        It cannot be made, or is no folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise GalleryError(
                f"the folder {folder} for drawn copies cannot be made: {error.strerror or error}"
            ) from error

    def draw(
        self, settings: Settings, photos: Sequence[Path | HeldPhoto], results: Results
    ) -> None:
        """Draw each photo in which a face was searched with, and say how many there are."""
        from gallery.client.photos.drawing import draw_frames

        frames = _frames(results)
        with settings.progress("drawing", len(frames)) as advance:
            for position, some in frames.items():
                self._save(draw_frames(photos[position], some), photos[position])
                advance(1)
        drawn = counted(len(frames), "drawn copy", "drawn copies")
        settings.notice(f"{drawn} in {self._folder}")

    def _save(self, picture: Any, photo: Path | HeldPhoto) -> None:
        from gallery.client.atomic_file import atomic_write

        for name in _names(photo):
            try:
                with atomic_write(self._folder / name) as file:
                    picture.save(file, "JPEG", quality=_QUALITY, subsampling=0)
                return
            except FileExistsError:
                continue
            except OSError as error:
                raise GalleryError(
                    f"cannot write {self._folder / name}: {error.strerror or error}"
                ) from error


def _frames(results: Results) -> dict[int, list[DrawnFrame]]:
    """Return the frames of each photo, by its number."""
    from gallery.client.photos.drawing import DrawnFrame

    frames = defaultdict[int, list[DrawnFrame]](list)
    for row, record in enumerate(results.records()):
        place = results.faces.get(row)
        if place is None:
            continue
        found = record["distance"]
        distance = "" if found is None else f" {found:g}"
        doubt = " (ambiguous)" if record["ambiguous"] else ""
        who = record["label"] or "unknown"
        if record["expired"]:
            who, doubt = record["candidates"][0]["label"], " (expired)"
        colour = _COLOURS[record["decision"]]
        frames[place.position].append(
            DrawnFrame(place.box, printable(who), colour, f"{distance}{doubt}")
        )
    return dict(frames)


def _names(photo: Path | HeldPhoto) -> Iterator[str]:
    """Yield the names that a copy may have, the best first."""
    from gallery.client.photos.file_names import plain_stem

    if isinstance(photo, Path):
        plain = plain_stem(photo.name)
    else:  # of an address, the path's last part
        plain = plain_stem(unquote(photo.name.partition("?")[0].rstrip("/")))
    yield f"{plain}.jpg"
    number = 2
    while True:
        yield f"{plain} ({number}).jpg"
        number += 1

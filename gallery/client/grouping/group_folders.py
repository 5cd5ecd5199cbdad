"""Folders of unknown faces: one a group, to be named and enrolled by their owner."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gallery.client.atomic_file import atomic_write
from gallery.client.grouping.unknown_faces import UnknownFace, UnknownFaces
from gallery.client.photos.file_names import plain_stem
from gallery.client.photos.ignore_rules import IGNORE_FILE
from gallery.client.progress import Progress
from gallery.errors import SourceError

if TYPE_CHECKING:
    from gallery.client.photos.faces import FaceBox
    from gallery.client.photos.images import Photo
    from gallery.client.photos.thumbnail_sheet import Thumbnail

UNNAMED: Final = "unknown"
ALONE_FOLDER: Final = "alone"

_MARGINS: Final = (0.6, 0.4, 0.25, 0.1)
"""Of the box's sides, on each side of it. Detectors want more than a face; what belongs to another
face does not belong into the picture."""

OVERVIEW_FOLDER: Final = "overview"

_RULES: Final = """\
# Folders of groups that have no name yet, and faces that match no other one, are not enrolled.
/{unnamed} {digits}/
/{alone}/
/{overview}/
"""


@dataclass(frozen=True)
class WrittenFace:
    """A face, and the picture of it that was written.

    Attributes
    ----------
    face
        The face.
    group
        Name of the folder.
    picture
        The picture.
    """

    face: UnknownFace
    group: str
    picture: Path


class GroupFolders:
    """A folder into which a picture of each unknown face is written, in one folder a group.

    Groups are named ``unknown 1``, ``unknown 2`` and so on, and are ignored by enrollments and
    syncs of the folder until somebody gives them another name; so is ``alone``, which holds what is
    in no group. The folder ``overview``, ignored too, has a sheet of thumbnails a group, with a
    frame around each face.

    Parameters
    ----------
    folder
        The folder. It is made, and must not hold anything yet.

    Raises
    ------
    SourceError
        If there is something in it, or it cannot be made.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if any(self.folder.iterdir()):
                raise SourceError(
                    f"{self.folder} holds something already: groups need a folder of their own"
                )
        except OSError as error:
            reason = error.strerror or error
            raise SourceError(f"{self.folder} cannot be used: {reason}") from error

    def write(
        self, found: UnknownFaces, progress: Progress | None = None
    ) -> tuple[WrittenFace, ...]:
        """Write a picture of each face.

        Parameters
        ----------
        found
            The faces.
        progress
            Called with the number of faces that were just written.

        Raises
        ------
        UnreadablePhotoError
            If a photo cannot be read any more.
        SourceError
            If a picture cannot be written.
        """
        # Only now: Pillow is optional.
        from gallery.client.photos.images import open_photo
        from gallery.client.photos.thumbnail_sheet import Thumbnail

        written: list[WrittenFace] = []
        thumbnails = defaultdict[str, list[Thumbnail]](list)
        opened: tuple[Path, Photo] | None = None
        try:
            with atomic_write(self.folder / IGNORE_FILE) as file:
                file.write(_rules(found).encode("utf-8"))
            for group, face in _in_order(found):
                if opened is None or opened[0] != face.path:
                    opened = face.path, open_photo(face.path)
                place = self.folder / group
                place.mkdir(exist_ok=True)
                picture = _free_name(place, face)
                shares = _write(opened[1], face, picture)
                written.append(WrittenFace(face, group, picture))
                thumbnails[group].append(Thumbnail(picture, shares, _caption(face)))
                if progress is not None:
                    progress(1)
            for group, some in thumbnails.items():
                self._draw(group, some)
        except OSError as error:
            reason = error.strerror or error
            raise SourceError(f"cannot write into {self.folder}: {reason}") from error
        return tuple(written)

    def overview(self, group: str) -> Path:
        """Return the sheet of thumbnails of a group, by the name of its folder."""
        return self.folder / OVERVIEW_FOLDER / f"{group}.jpg"

    def _draw(self, group: str, thumbnails: Sequence[Thumbnail]) -> None:
        from gallery.client.photos.thumbnail_sheet import draw_sheet

        path = self.overview(group)
        path.parent.mkdir(exist_ok=True)
        with atomic_write(path) as file:
            draw_sheet(group, thumbnails).save(file, "JPEG", quality=90)


def _caption(face: UnknownFace) -> str:
    """Return the caption of a face: the name of its photo, and the number of the face."""
    return f"{face.path.name}, face {face.number}" if face.neighbours else face.path.name


def _rules(found: UnknownFaces) -> str:
    digits = "[0-9]" * _places(found)
    return _RULES.format(
        unnamed=UNNAMED, digits=digits, alone=ALONE_FOLDER, overview=OVERVIEW_FOLDER
    )


def _places(found: UnknownFaces) -> int:
    """Return the number of digits in the numbers of groups."""
    return len(str(len(found.groups)))


def _in_order(found: UnknownFaces) -> Iterator[tuple[str, UnknownFace]]:
    """Yield each face with its group, photo after photo, so that each is opened once."""
    places = _places(found)
    named: list[tuple[str, UnknownFace]] = [
        (f"{UNNAMED} {number:0{places}}", face)
        for number, group in enumerate(found.groups, start=1)
        for face in group
    ]
    named += [(ALONE_FOLDER, face) for face in found.alone]
    yield from sorted(named, key=lambda item: (item[1].path, item[1].number))


def _free_name(folder: Path, face: UnknownFace) -> Path:
    stem = f"{plain_stem(face.path.name)} face {face.number}"
    names = (f"{stem}.jpg", *(f"{stem} ({copy}).jpg" for copy in range(2, 1_000_000)))
    return next(folder / name for name in names if not (folder / name).exists())


def _write(photo: Photo, face: UnknownFace, picture: Path) -> tuple[float, float, float, float]:
    """Write the picture of a face; return the sides of the face as shares of the picture's."""
    from PIL import Image

    pixels, box = photo.pixels[:, :, ::-1], face.box
    shares = (0.0, 0.0, 1.0, 1.0)
    if box is not None:
        left, top, right, bottom = _crop(box, face.neighbours, photo.size)
        width, height = max(1, right - left), max(1, bottom - top)
        shares = (
            max(0.0, (box.left - left) / width),
            max(0.0, (box.top - top) / height),
            min(1.0, (box.right - left) / width),
            min(1.0, (box.bottom - top) / height),
        )
        scale = 1 / photo.reduction
        pixels = pixels[
            int(top * scale) : round(bottom * scale), int(left * scale) : round(right * scale)
        ]
    # At the best quality of JPEG: the face enrolled from the file should be the one that was seen.
    with atomic_write(picture) as file:
        Image.fromarray(pixels).save(file, "JPEG", quality=95, subsampling=0)
    return shares


def _crop(
    box: FaceBox, neighbours: Sequence[FaceBox], size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of a face with some margin, and no other face's middle."""
    for margin in _MARGINS:
        across, down = round(margin * box.width), round(margin * box.height)
        left, top = max(0, box.left - across), max(0, box.top - down)
        right, bottom = min(size[0], box.right + across), min(size[1], box.bottom + down)
        middles = (
            (other.left + other.width / 2, other.top + other.height / 2) for other in neighbours
        )
        if not any(left <= x < right and top <= y < bottom for x, y in middles):
            break
    return left, top, right, bottom

"""Best frames of videos, saved as pictures in a folder under names of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gallery.errors import GalleryError
from gallery.hints import Hint

if TYPE_CHECKING:
    from gallery.client import Sighting


class SavedFrames:
    """A folder of best frames, each named after its video and track.

    Parameters
    ----------
    folder
        The folder; made if it is not there.
    videos
        The videos whose frames are to be saved; none for a camera.
    overwrite
        Whether frames of videos of these names are replaced.

    Raises
    ------
    GalleryError
        It cannot be made, or holds frames of such names: an hour of looking is not lost on that.
    """

    def __init__(self, folder: Path, videos: Sequence[Path], *, overwrite: bool) -> None:
        self._folder, self._overwrite = folder, overwrite
        self._stems = _stems(videos)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            there = sorted(item.name for item in folder.iterdir())
        except OSError as error:
            raise GalleryError(
                f"the folder {folder} for frames cannot be made: {error.strerror or error}"
            ) from error
        stems = "|".join(map(re.escape, self._stems.values()))
        taken = re.compile(rf"(?:{stems})-[0-9]{{4,}}\.jpg")
        for name in there:
            if self._stems and not overwrite and taken.fullmatch(name):
                raise GalleryError(f"there is a file {folder / name} already", hint=Hint.OVERWRITE)

    def save(self, video: Path | None, item: Sighting) -> str:
        """Save the best frame of a track of a video, or of a camera; return its path."""
        from gallery.client import save_frame

        if video is None:
            stem = datetime.fromtimestamp(item.first, UTC).strftime("%Y%m%dT%H%M%SZ")
        else:
            stem = self._stems[video]
        path = self._folder / f"{stem}-{item.track:04}.jpg"
        save_frame(item.best, path, overwrite=self._overwrite)
        return str(path)


def _stems(videos: Sequence[Path]) -> dict[Path, str]:
    """Return a name for the frames of each video, of which no two are the same on any system."""
    from gallery.client.photos.file_names import plain_stem

    found = dict[Path, str]()
    taken = set[str]()
    for video in videos:
        plain = stem = plain_stem(video.name, "video")
        number = 2
        while stem.casefold() in taken:
            stem, number = f"{plain} ({number})", number + 1
        taken.add(stem.casefold())
        found.setdefault(video, stem)
    return found

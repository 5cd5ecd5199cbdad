"""The best frame of a track, as a picture in a file."""

from __future__ import annotations

from pathlib import Path

from gallery.client.atomic_file import atomic_write
from gallery.client.video.tracks import Shot
from gallery.errors import GalleryError
from gallery.hints import Hint


def save_frame(shot: Shot, path: Path, *, overwrite: bool = False) -> None:
    """Write the frame of a shot as a JPEG, readable by its owner alone.

    Parameters
    ----------
    shot
        A shot whose pixels were kept.
    path
        The file.
    overwrite
        Whether a file that is there is replaced.

    Raises
    ------
    ValueError
        If the pixels were not kept.
    GalleryError
        If there is a file already, or it cannot be written.
    """
    if (jpeg := shot.jpeg()) is None:
        raise ValueError("the frame of this shot was not kept")
    try:
        with atomic_write(path, overwrite=overwrite) as file:
            file.write(jpeg)
    except FileExistsError as error:
        raise GalleryError(f"there is a file {path} already", hint=Hint.OVERWRITE) from error
    except OSError as error:
        raise GalleryError(f"cannot write {path}: {error.strerror or error}") from error

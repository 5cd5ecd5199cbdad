"""Thumbnails of enrolled faces: sealed files on the owner's machine, never in the store.

Each reference has a file of its own, named by its identifier, in a folder of its gallery. It holds
a small JPEG, with zeros behind so that all files are equally long, sealed with the owner's key for
gallery and reference. Nothing is written to a disk before it is sealed.
"""

from __future__ import annotations

import io
import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from gallery.client import GalleryKey
from gallery.client.atomic_file import atomic_write
from gallery.client.integrity.sealing import Sealer
from gallery.desk.errors import DeskError
from gallery.desk.texts import english
from gallery.errors import AuthenticationError

if TYPE_CHECKING:
    from gallery.client.photos.faces import FaceBox
    from gallery.client.photos.images import Photo

SIDE: Final = 96
"""Pixels of a thumbnail's sides."""

PLAIN: Final = 8192
"""Bytes of what is sealed: the length of the picture in 2, the picture, and zeros."""

SEALED: Final = PLAIN + 28

MOST: Final = 50_000
"""Thumbnails of a gallery; they take 411 MB."""

_PURPOSE = "desk thumbnails"
_ENDING = ".thumbnail"
_MARGIN = 0.2
"""Of the face's box, added on each side."""


class ThumbnailError(DeskError):
    """Thumbnails cannot be erased."""

    status = 503


class ThumbnailFolder:
    """The folder with the thumbnails of all galleries of a key.

    Parameters
    ----------
    path
        The folder; it is made with the first thumbnail.
    wanted
        Whether thumbnails are made and shown; those that are there are erased with their
        references all the same.
    """

    def __init__(self, path: Path, *, wanted: bool) -> None:
        self.path, self.wanted = path, wanted

    def of(self, key: GalleryKey, gallery_id: bytes) -> Thumbnails:
        """Return the thumbnails of a gallery."""
        sealer = Sealer(key.subkey(_PURPOSE, gallery_id), gallery_id)
        return Thumbnails(self.path / gallery_id.hex(), sealer, wanted=self.wanted)


class Thumbnails:
    """The thumbnails of one gallery, while its key is open.

    Attributes
    ----------
    wanted
        As for `ThumbnailFolder`.
    problem
        Why some could not be kept, in words, or None.
    """

    def __init__(self, folder: Path, sealer: Sealer, *, wanted: bool) -> None:
        self.wanted = wanted
        self._folder, self._sealer = folder, sealer
        self.problem: str | None = None

    def keep(self, reference_id: str, picture: bytes) -> None:
        """Keep the picture of a reference; if that fails, `problem` says so."""
        if not self.wanted or len(picture) > PLAIN - 2:
            return
        plain = len(picture).to_bytes(2, "big") + picture
        sealed = self._sealer.seal(plain.ljust(PLAIN, b"\0"), bytes.fromhex(reference_id))
        try:
            if len(self._names()) >= MOST:
                self.problem = english()("thumbnails.full", most=f"{MOST:,}")
                return
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with atomic_write(self._path(reference_id), overwrite=True) as file:
                file.write(sealed)
        except OSError as error:
            self.problem = english()("thumbnails.unkept", reason=error.strerror)
            import structlog  # the desk's alone: commands erase thumbnails without it

            log = structlog.get_logger("gallery.desk")
            log.error("thumbnails are not kept", error=type(error).__name__)

    def picture(self, reference_id: str) -> bytes | None:
        """Return the picture of a reference; None if there is none, or it is not what was kept."""
        if not self.wanted:
            return None
        try:
            with open(self._path(reference_id), "rb") as file:
                sealed = file.read(SEALED + 1)
            plain = self._sealer.open(sealed, bytes.fromhex(reference_id))
        except (OSError, AuthenticationError):
            return None
        return plain[2 : 2 + int.from_bytes(plain[:2], "big")]

    def known(self) -> frozenset[str]:
        """Return the references that have one."""
        return frozenset(self._names()) if self.wanted else frozenset()

    def sweep(self, references: Collection[str]) -> None:
        """Erase all but those of these references (`ThumbnailError`)."""
        self.erase(set(self._names()) - set(references))

    def erase(self, references: Iterable[str]) -> None:
        """Erase those of some references (`ThumbnailError`)."""
        erase_files(self._folder, references)

    def _path(self, reference_id: str) -> Path:
        return _path(self._folder, reference_id)

    def _names(self) -> list[str]:
        return references_in(self._folder)


def references_in(folder: Path) -> list[str]:
    """Return the references that have a thumbnail in the folder of their gallery."""
    try:
        found = os.listdir(folder)
    except OSError:  # there are none
        return []
    return [name.removesuffix(_ENDING) for name in found if name.endswith(_ENDING)]


def erase_files(folder: Path, references: Iterable[str]) -> None:
    """Erase the thumbnails of references in the folder of their gallery, as far as there are some.

    Raises
    ------
    ThumbnailError
        If one cannot be erased.
    """
    for reference_id in references:
        path = _path(folder, reference_id)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise ThumbnailError(
                english()("thumbnails.unerased", path=path, reason=error.strerror)
            ) from error


def _path(folder: Path, reference_id: str) -> Path:
    return folder / f"{reference_id}{_ENDING}"


def thumbnail_of(photo: Photo, box: FaceBox | None) -> bytes:
    """Return a small JPEG of a face and a little around it; of all the photo without a box."""
    from PIL import Image

    whole = Image.fromarray(np.ascontiguousarray(photo.pixels[:, :, ::-1]))
    if box is not None:
        aside, above = _MARGIN * box.width, _MARGIN * box.height
        edges = (box.left - aside, box.top - above, box.right + aside, box.bottom + above)
        left, top, right, bottom = (round(edge / photo.reduction) for edge in edges)
        whole = whole.crop(
            (max(left, 0), max(top, 0), min(right, whole.width), min(bottom, whole.height))
        )
    small = Image.new("RGB", (SIDE, SIDE))
    whole.thumbnail((SIDE, SIDE))
    small.paste(whole, ((SIDE - whole.width) // 2, (SIDE - whole.height) // 2))
    for quality in (85, 60, 30):
        written = io.BytesIO()
        small.save(written, "JPEG", quality=quality)
        if written.tell() <= PLAIN - 2:
            break
    return written.getvalue()

"""The cache of embeddings: photos that were embedded before, sealed with the owner's key.

To calibrate, to evaluate and to enroll the same photos embeds them once. A file holds one face, of
a photo that shows no other. Its name is a keyed hash of what was embedded and of all that decides
the embedding, and its content is sealed for that name, so that the folder says nothing without the
key but how many photos there were, and no file stands for another one.

No fault of the cache stops a command: a photo whose file cannot be read is embedded again, and a
file that cannot be written is left out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from gallery.client.cache.cache_folder import CacheFolder
from gallery.client.integrity.sealing import Sealer
from gallery.client.keys.secrets import GalleryKey, Secret
from gallery.client.photos.face_model import FaceModel
from gallery.client.photos.faces import EmbeddedFace
from gallery.client.photos.library_versions import library_versions
from gallery.errors import AuthenticationError, GalleryError
from gallery.messages import ModelOrigin, Preprocessing

_FOLDER: Final = "embeddings"
_OWNER: Final = re.compile(r"[0-9a-f]{32}")
_SHELF: Final = re.compile(r"[0-9a-f]{2}")
_FACE: Final = re.compile(r"\.?[0-9a-f]{64}(?:\.partial-[^.]+)?")
"""A face, or one that is being written."""

_SHARE: Final = 8
"""Embeddings take an eighth of the cache at most: 200,000 photos with the model Dlib."""

_LONGEST: Final = 256 * 1024
"""Bytes of a face; the longest embedding takes 32 KiB."""

_DIGEST: Final = 32


class EmbeddingCache(Secret):
    """The embeddings of one owner's photos.

    Parameters
    ----------
    folder
        Where; processes may share it.
    key
        The owner's key.
    """

    def __init__(self, folder: CacheFolder, key: GalleryKey) -> None:
        self._folder = folder
        self._names = key.subkey("embedding cache names", b"")
        self._sealer = Sealer(key.subkey("embedding cache", b""), key.key_id)
        self._path = folder.path / _FOLDER / self._names.mac(b"folder")[:16].hex()
        self._size: int | None = None

    def find(
        self, digest: bytes, model: FaceModel, made_by: Preprocessing, origin: ModelOrigin
    ) -> EmbeddedFace | None:
        """Return the one face of a photo, or None if it is not kept, or is damaged.

        Parameters
        ----------
        digest
            Of the photo's content, 32 bytes.
        model, made_by, origin
            What embeds it now.
        """
        path = self._path_of(digest, made_by, origin)
        sealed = self._folder.read(path, _LONGEST)
        if sealed is None:
            return None
        from gallery.client.photos.worker_messages import BadAnswerError, unpack_outcome

        try:
            plain = self._sealer.open(sealed, path.name.encode())
            outcome, _ = unpack_outcome(plain[_DIGEST:], model, "")
        except (AuthenticationError, BadAnswerError):
            return None
        if isinstance(outcome, GalleryError) or len(outcome) != 1:
            return None
        with suppress(OSError):
            os.utime(path)
        return outcome[0]

    def keep(
        self, digest: bytes, made_by: Preprocessing, origin: ModelOrigin, face: EmbeddedFace
    ) -> None:
        """Keep the one face of a photo, as far as there is room."""
        if not self._folder.limit:
            return
        from gallery.client.photos.worker_messages import pack_outcome

        path = self._path_of(digest, made_by, origin)
        plain = digest + pack_outcome((face,), 0.0)
        sealed = self._sealer.seal(plain, path.name.encode())
        self._make_folders()
        if self._folder.write(path, sealed):
            self._size = self._taken() + len(sealed)
            if self._size > self._folder.limit // _SHARE:
                self._make_room()

    def forget(self, digests: Collection[bytes]) -> int:
        """Remove the faces of photos with these digests of their content.

        A file that does not open is removed too: nobody can tell whose it is.

        Returns
        -------
        int
            How many could not be removed.
        """
        stayed = 0
        for path in _faces(self._path):
            digest = self._digest_in(path)
            if digest is None or digest in digests:
                try:
                    path.unlink(missing_ok=True)
                except OSError:
                    stayed += 1
        return stayed

    @property
    def path(self) -> Path:
        """The folder of this owner's faces."""
        return self._path

    def clear(self) -> None:
        """Remove all that is kept for this owner (`OSError`)."""
        _clear(self._path)

    def _make_folders(self) -> None:
        """Make the folders above a shelf, for their owner alone."""
        with suppress(OSError):  # what cannot be written is told of when a face is
            self._folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self._path.parent, self._path):
                folder.mkdir(mode=0o700, exist_ok=True)

    def _digest_in(self, path: Path) -> bytes | None:
        sealed = self._folder.read(path, _LONGEST)
        if sealed is None:
            return None
        try:
            return self._sealer.open(sealed, path.name.encode())[:_DIGEST]
        except AuthenticationError:
            return None

    def _path_of(self, digest: bytes, made_by: Preprocessing, origin: ModelOrigin) -> Path:
        said = (library_versions(), made_by.statement, origin.runtime, origin.deepface)
        decided_by = "\0".join(said).encode() + origin.model_digest + origin.detector_digest
        name = self._names.mac(digest + decided_by).hex()
        return self._path / name[:2] / name

    def _taken(self) -> int:
        if self._size is None:
            self._size = sum(_size(path) for path in _faces(self._path))
        return self._size

    def _make_room(self) -> None:
        """Drop the faces that were not used for the longest time, a fifth of all that may be."""
        found = []
        for path in _faces(self._path):
            with suppress(OSError):
                state = path.stat()
                found.append((state.st_mtime, state.st_size, path))
        self._size = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if self._size <= self._folder.limit // _SHARE * 4 // 5:
                break
            with suppress(OSError):
                path.unlink()
                self._size -= size


def kept_embeddings(folder: CacheFolder) -> tuple[int, int]:
    """Return the number of faces that are kept, of all owners, and their bytes."""
    sizes = [_size(face) for owner in _owners(folder) for face in _faces(owner)]
    return len(sizes), sum(sizes)


def clear_embeddings(folder: CacheFolder) -> None:
    """Remove all faces, of all owners, and nothing else (`OSError`)."""
    for owner in _owners(folder):
        _clear(owner)
    with suppress(OSError):
        (folder.path / _FOLDER).rmdir()


def _clear(owner: Path) -> None:
    for face in list(_faces(owner)):
        with suppress(FileNotFoundError):
            face.unlink()
    for shelf in _folders(owner, _SHELF):
        # A process may be writing, or something else lie there.
        with suppress(OSError):
            shelf.rmdir()
    with suppress(OSError):
        owner.rmdir()


def _owners(folder: CacheFolder) -> list[Path]:
    return _folders(folder.path / _FOLDER, _OWNER)


def _faces(owner: Path) -> Iterator[Path]:
    for shelf in _folders(owner, _SHELF):
        with suppress(OSError), os.scandir(shelf) as entries:
            for entry in entries:
                if _FACE.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    yield Path(entry.path)


def _folders(path: Path, pattern: re.Pattern[str]) -> list[Path]:
    """Return sub-folders, links to others left out."""
    with suppress(OSError), os.scandir(path) as entries:
        return [
            Path(entry.path)
            for entry in entries
            if pattern.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
        ]
    return []


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0

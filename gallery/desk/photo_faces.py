"""The faces in uploaded photos: decoded, found and embedded, with models that stay loaded."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, replace
from typing import Final

from gallery.client import FaceSelection, GalleryClient, PhotoEmbedder, Preprocessing
from gallery.client.photos.compatibility import check_embedder
from gallery.client.photos.faces import EmbeddedFace, largest_of, rival_of
from gallery.client.photos.images import Photo
from gallery.desk.decoding import PhotoDecoder, TimeBudget
from gallery.desk.stages import timed
from gallery.desk.turnstile import Turnstile
from gallery.errors import PhotoError

_AT_ONCE: Final = 8
"""Requests whose photos are read or wait for that; each holds a thread and its photos."""


@dataclass(frozen=True)
class Upload:
    """A photo as it was sent: its name and its content."""

    name: str
    data: bytes


@dataclass(frozen=True, eq=False)
class PhotoOfFaces:
    """A photo and the faces in it.

    Attributes
    ----------
    name
        Name of the photo.
    digest
        SHA-256 of its file.
    photo
        The decoded photo, or None if that failed.
    faces
        The faces, from left to right.
    failure
        Why there are none, in words, or None.
    """

    name: str
    digest: bytes
    photo: Photo | None
    faces: tuple[EmbeddedFace, ...]
    failure: str | None = None

    def chosen(self, selection: FaceSelection) -> PhotoOfFaces:
        """Return it with the faces that are meant, as `PhotoEmbedder.select` chooses them."""
        if selection == "all" or len(self.faces) < 2:
            return self
        if selection == "one":
            reason = f"{len(self.faces)} faces were found where there must be one"
            return replace(self, faces=(), failure=reason)
        face = largest_of(self.faces)
        rival = rival_of(face, self.faces)
        quality = replace(face.quality, rival=None if rival is None else rival.size)
        return replace(self, faces=(replace(face, quality=quality),))


class FaceReader:
    """Finds and embeds faces for all galleries of the desk; each model is loaded once.

    Parameters
    ----------
    decoder
        The decoder of photos.
    seconds
        Seconds that decoding all photos of one request may take.
    """

    def __init__(self, decoder: PhotoDecoder, seconds: float = 60.0) -> None:
        self._decoder, self._seconds = decoder, seconds
        self._embedders: dict[Preprocessing, PhotoEmbedder] = {}
        self._choosing, self._one_at_a_time = threading.Lock(), threading.Lock()
        self._turnstile = Turnstile(_AT_ONCE)

    def embedder(self, client: GalleryClient) -> PhotoEmbedder:
        """Return the embedder of photos for a gallery (`ModelMismatchError`).

        Galleries of one model share it, and each compares it with what its own were made with.
        """
        wanted = client.description.preprocessing
        with self._choosing:
            embedder = self._embedders.get(wanted) or client.embedder()
            self._embedders[wanted] = embedder
        check_embedder(embedder, client.description)
        return embedder

    def prepare(self, embedder: PhotoEmbedder) -> None:
        """Load models and start the decoder now; raises what `PhotoEmbedder.prepare` raises."""
        # First, since a process that is spawned takes over what imports do to the search path.
        self._decoder.start()
        with self._one_at_a_time:
            embedder.prepare()

    def read(self, embedder: PhotoEmbedder, uploads: list[Upload]) -> tuple[PhotoOfFaces, ...]:
        """Return the faces of photos; one that fails says why and the others go on.

        Raises
        ------
        BusyError
            If too many requests wait already.
        """
        with self._turnstile.entered():
            budget = TimeBudget(self._seconds)
            return tuple(self._read_one(embedder, upload, budget) for upload in uploads)

    def _read_one(
        self, embedder: PhotoEmbedder, upload: Upload, budget: TimeBudget
    ) -> PhotoOfFaces:
        photo, digest = None, hashlib.sha256(upload.data).digest()
        try:
            photo = self._decoder.decode(upload.data, upload.name, budget)
            # The models are not made for several threads.
            with self._one_at_a_time, timed("embed"):
                faces = embedder.faces(photo)
        except PhotoError as error:
            return PhotoOfFaces(upload.name, digest, photo, (), error.message)
        failure = None if faces else "no face was found"
        return PhotoOfFaces(upload.name, digest, photo, faces, failure)

    def close(self) -> None:
        """Give up the process that decodes."""
        self._decoder.close()

"""The faces in uploaded photos: decoded, found and embedded, with models that stay loaded."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from gallery.client import GalleryClient, PhotoEmbedder, Preprocessing
from gallery.client.photos.faces import EmbeddedFace
from gallery.client.photos.images import Photo
from gallery.desk.decoding import PhotoDecoder
from gallery.errors import PhotoError


@dataclass(frozen=True)
class Upload:
    """A photo as it was sent: what it was called, and its content."""

    name: str
    data: bytes


@dataclass(frozen=True, eq=False)
class PhotoOfFaces:
    """A photo and the faces in it.

    Attributes
    ----------
    name
        What the photo was called.
    photo
        The decoded photo, or None if that failed.
    faces
        The faces, from left to right.
    failure
        Why there are none, in words, or None.
    """

    name: str
    photo: Photo | None
    faces: tuple[EmbeddedFace, ...]
    failure: str | None = None


class FaceReader:
    """Finds and embeds faces for all galleries of the desk; each model is loaded once.

    Parameters
    ----------
    decoder
        What decodes photos.
    """

    def __init__(self, decoder: PhotoDecoder) -> None:
        self._decoder = decoder
        self._embedders: dict[Preprocessing, PhotoEmbedder] = {}
        self._one_at_a_time = threading.Lock()

    def embedder(self, client: GalleryClient) -> PhotoEmbedder:
        """Return what embeds photos for a gallery (`ModelMismatchError`)."""
        wanted = client.description.preprocessing
        with self._one_at_a_time:
            if wanted not in self._embedders:
                self._embedders[wanted] = client.embedder()
            return self._embedders[wanted]

    def prepare(self, embedder: PhotoEmbedder) -> None:
        """Load models and start the decoder now; raises what `PhotoEmbedder.prepare` raises."""
        with self._one_at_a_time:
            embedder.prepare()
        self._decoder.start()

    def read(self, client: GalleryClient, uploads: list[Upload]) -> tuple[PhotoOfFaces, ...]:
        """Return the faces of photos; one that fails says why and the others go on."""
        embedder = self.embedder(client)
        return tuple(self._read_one(embedder, upload) for upload in uploads)

    def _read_one(self, embedder: PhotoEmbedder, upload: Upload) -> PhotoOfFaces:
        photo = None
        try:
            photo = self._decoder.decode(upload.data, upload.name)
            with self._one_at_a_time:  # the models are not made for several threads
                faces = embedder.faces(photo)
        except PhotoError as error:
            return PhotoOfFaces(upload.name, photo, (), str(error))
        failure = None if faces else "no face was found"
        return PhotoOfFaces(upload.name, photo, faces, failure)

    def close(self) -> None:
        """Give up the process that decodes."""
        self._decoder.close()

"""The search with photos: each is embedded, failures are kept, the others are searched with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gallery.arrays import Floats
from gallery.client.embeddings.templates import check_embeddings
from gallery.client.progress import Progress
from gallery.client.searching.candidates import Identification
from gallery.errors import GalleryError, InvalidEmbeddingError, PhotoError
from gallery.messages import GalleryDescription

if TYPE_CHECKING:
    from gallery.client.photos.embedder import PhotoEmbedder
    from gallery.client.photos.faces import FaceBox, FaceSelection
    from gallery.client.photos.failures import PhotoFailure
    from gallery.client.photos.quality import FaceQuality
    from gallery.client.photos.sources import HeldPhoto, PhotoName, PhotoSource


@dataclass(frozen=True)
class ProbeFace:
    """A face that a gallery was searched with.

    Attributes
    ----------
    photo
        The photo's path, or the name of one that is no file.
    position
        Which of the photos that were given it is, from 0.
    box
        Where the face lies in it; None with the detector ``skip``.
    quality
        How fit the photo is for recognising it, with the detector's confidence.
    """

    photo: PhotoName
    position: int
    box: FaceBox | None
    quality: FaceQuality


@dataclass(frozen=True, eq=False)
class PhotoIdentification:
    """The outcome of a search with photos.

    Attributes
    ----------
    faces
        The faces that were searched with, in the order of the rows of ``identification``: by
        photo, and from left to right.
    identification
        Candidate lists and decisions, or None if no photo gave an embedding.
    failures
        Photos that could not be searched with.
    """

    faces: tuple[ProbeFace, ...]
    identification: Identification | None
    failures: tuple[PhotoFailure, ...]

    @property
    def paths(self) -> tuple[PhotoName, ...]:
        """The photo of each row."""
        return tuple(face.photo for face in self.faces)


@dataclass(frozen=True, eq=False)
class EmbeddedProbes:
    """Photos to search with, embedded.

    Attributes
    ----------
    faces
        The faces that are meant.
    embeddings
        Their embeddings, in this order.
    failures
        Photos that gave none.
    """

    faces: tuple[ProbeFace, ...]
    embeddings: tuple[Floats, ...]
    failures: tuple[PhotoFailure, ...]


def embed_probes(
    description: GalleryDescription,
    embedder: PhotoEmbedder,
    photos: Iterable[PhotoSource],
    selection: FaceSelection = "one",
    progress: Progress | None = None,
) -> EmbeddedProbes:
    """Embed the faces of photos to search with, and keep what fails."""
    from gallery.client.photos.compatibility import check_embedder
    from gallery.client.photos.embedding_run import embed_all
    from gallery.client.photos.faces import check_selection
    from gallery.client.photos.failures import PhotoFailure
    from gallery.client.photos.sources import check_several

    check_selection(selection)
    check_several(photos)
    check_embedder(embedder, description)
    faces: list[ProbeFace] = []
    embeddings: list[Floats] = []
    failures: list[PhotoFailure] = []
    # The people who are searched for need not be known here tomorrow.
    run = embed_all(embedder, _held(photos), selection, remembering=False)
    with closing(run) as embedded:
        for (name, position, error), found in embedded:
            outcome = error or found
            try:
                if isinstance(outcome, GalleryError):
                    raise outcome
                for face in outcome:
                    check_embeddings(face.embedding, description)
            except (PhotoError, InvalidEmbeddingError) as failed:
                failures.append(PhotoFailure.of(name, failed))
            else:
                faces += [ProbeFace(name, position, face.box, face.quality) for face in outcome]
                embeddings += [face.embedding for face in outcome]
            if progress is not None:
                progress(1)
    return EmbeddedProbes(tuple(faces), tuple(embeddings), tuple(failures))


def _held(
    photos: Iterable[PhotoSource],
) -> Iterator[tuple[tuple[PhotoName, int, PhotoError | None], HeldPhoto | None]]:
    """Yield names and places of photos, with what is read of those that are no files."""
    from gallery.client.photos.sources import hold, photo_name

    for position, photo in enumerate(photos):
        name = photo_name(photo, position)
        try:
            yield (name, position, None), hold(photo, str(name))
        except PhotoError as error:
            yield (name, position, error), None

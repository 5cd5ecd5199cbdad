"""Unknown faces: those in photos that match nobody in a gallery, and their groups."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gallery.arrays import Floats
from gallery.client.embeddings.templates import check_embeddings, to_vectors
from gallery.client.grouping.clusters import ALONE, cluster
from gallery.client.photos.compatibility import check_embedder
from gallery.client.photos.embedder import PhotoEmbedder
from gallery.client.photos.embedding_run import embed_all
from gallery.client.photos.faces import EmbeddedFace, FaceBox
from gallery.client.photos.failures import PhotoFailure
from gallery.client.photos.quality import FaceQuality
from gallery.client.photos.sources import hold
from gallery.client.progress import Progress
from gallery.client.searching.identification import Searcher
from gallery.client.searching.thresholds import Threshold
from gallery.client.searching.wanted import Wanted
from gallery.client.session import GallerySession
from gallery.errors import GalleryError, InvalidEmbeddingError, PhotoError


@dataclass(frozen=True)
class UnknownFace:
    """A face that matches nobody.

    Attributes
    ----------
    path
        The photo.
    number
        Which of the photo's faces it is, from 1, from left to right.
    box
        Where it lies; None with the detector ``skip``.
    neighbours
        Where the other faces of the photo lie.
    quality
        How fit the photo is for recognising the face.
    """

    path: Path
    number: int
    box: FaceBox | None
    neighbours: tuple[FaceBox, ...]
    quality: FaceQuality


@dataclass(frozen=True)
class UnknownFaces:
    """The faces of some photos that match nobody.

    Attributes
    ----------
    groups
        Faces that may be one person's, the largest group first.
    alone
        Faces that match no other one.
    known
        How many faces match somebody.
    without_face
        Photos in which no face was found.
    failures
        Photos that could not be used.
    """

    groups: tuple[tuple[UnknownFace, ...], ...]
    alone: tuple[UnknownFace, ...]
    known: int
    without_face: tuple[Path, ...]
    failures: tuple[PhotoFailure, ...]


@dataclass
class _Found:
    faces: list[UnknownFace] = field(default_factory=list)
    embeddings: list[Floats] = field(default_factory=list)
    without_face: list[Path] = field(default_factory=list)
    failures: list[PhotoFailure] = field(default_factory=list)

    def take(self, path: Path, faces: Sequence[EmbeddedFace]) -> None:
        """Take the faces of a photo."""
        for number, face in enumerate(faces, start=1):
            others = tuple(
                other.box for other in faces if other is not face and other.box is not None
            )
            self.faces.append(UnknownFace(path, number, face.box, others, face.quality))
            self.embeddings.append(face.embedding)
        if not faces:
            self.without_face.append(path)


def find_unknown_faces(
    session: GallerySession,
    embedder: PhotoEmbedder,
    paths: Sequence[Path],
    threshold: Threshold,
    least: int = 2,
    progress: Progress | None = None,
) -> UnknownFaces:
    """Find the faces of photos that match nobody, and group them.

    The gallery is searched with every face, as an identification does it. The grouping is done on
    this machine, and nothing of it leaves it.

    Parameters
    ----------
    session
        The gallery.
    embedder
        The embedder of the photos; `ModelMismatchError` if it is not the gallery's.
    paths
        The photos.
    threshold
        Largest distance of a match, also between unknown faces.
    least
        How many faces make a group, at least 2.
    progress
        Called with the number of photos that were just looked at.

    Raises
    ------
    MissingDependencyError
        If scikit-learn is not installed; nothing is embedded then.
    IntegrityError
        If the gallery or the server's answer is not what the owner enrolled.
    """
    cluster(np.zeros((0, 1)), session.description, threshold.value, least)
    found = _embedded(session, embedder, paths, progress)
    if not found.faces:
        return UnknownFaces((), (), 0, tuple(found.without_face), tuple(found.failures))
    vectors = to_vectors(np.stack(found.embeddings), session.description)
    unknown = np.ones(len(vectors), dtype=bool)
    if session.manifest().entries:
        search = Searcher(session).search(vectors, Wanted(), threshold)
        unknown = ~(search.decisions | search.refused)  # who has expired is no stranger
    faces = [face for face, is_unknown in zip(found.faces, unknown, strict=True) if is_unknown]
    labels = cluster(vectors[unknown], session.description, threshold.value, least)
    return UnknownFaces(
        tuple(_of(faces, labels == number) for number in range(labels.max(initial=ALONE) + 1)),
        _of(faces, labels == ALONE),
        int((~unknown).sum()),
        tuple(found.without_face),
        tuple(found.failures),
    )


def _embedded(
    session: GallerySession,
    embedder: PhotoEmbedder,
    paths: Sequence[Path],
    progress: Progress | None,
) -> _Found:
    check_embedder(embedder, session.description)
    found = _Found()
    photos = ((path, hold(path)) for path in paths)
    with closing(embed_all(embedder, photos, None)) as embedded:
        for path, faces in embedded:
            try:
                if isinstance(faces, GalleryError):
                    raise faces
                for face in faces:
                    check_embeddings(face.embedding, session.description)
            except (PhotoError, InvalidEmbeddingError) as error:
                found.failures.append(PhotoFailure.of(path, error))
            else:
                found.take(path, faces)
            if progress is not None:
                progress(1)
    return found


def _of(faces: Sequence[UnknownFace], chosen: npt.NDArray[np.bool_]) -> tuple[UnknownFace, ...]:
    return tuple(faces[index] for index in np.flatnonzero(chosen).tolist())

"""The search with photos: each is embedded, failures are kept, the others are searched with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gallery.arrays import Floats
from gallery.client.embeddings.templates import check_embeddings
from gallery.client.photos.compatibility import check_embedder
from gallery.client.photos.embedder import PhotoEmbedder
from gallery.client.photos.failures import PhotoFailure
from gallery.client.photos.quality import FaceQuality
from gallery.client.progress import Progress
from gallery.client.searching.candidates import Identification
from gallery.errors import InvalidEmbeddingError, PhotoError
from gallery.messages import GalleryDescription


@dataclass(frozen=True, eq=False)
class PhotoIdentification:
    """What a search with photos found.

    Attributes
    ----------
    paths
        The photos that were searched with, in the order of the rows of ``identification``.
    identification
        Candidate lists and decisions, or None if no photo gave an embedding.
    failures
        Photos that could not be searched with.
    measured
        Path and quality of each photo that was searched with.
    """

    paths: tuple[Path, ...]
    identification: Identification | None
    failures: tuple[PhotoFailure, ...]
    measured: tuple[tuple[Path, FaceQuality], ...] = ()


@dataclass(frozen=True, eq=False)
class EmbeddedProbes:
    """Photos to search with, embedded.

    Attributes
    ----------
    measured
        Path and quality of each photo that gave an embedding.
    embeddings
        Their embeddings, in this order.
    failures
        The others.
    """

    measured: tuple[tuple[Path, FaceQuality], ...]
    embeddings: tuple[Floats, ...]
    failures: tuple[PhotoFailure, ...]


def embed_probes(
    description: GalleryDescription,
    embedder: PhotoEmbedder,
    paths: Sequence[Path],
    progress: Progress | None = None,
) -> EmbeddedProbes:
    """Embed photos to search with, and keep what fails."""
    check_embedder(embedder, description)
    measured, embeddings, failures = [], [], []
    for path in paths:
        try:
            face = embedder.examine(path)
            check_embeddings(face.embedding, description)
        except (PhotoError, InvalidEmbeddingError) as error:
            failures.append(PhotoFailure.of(path, error))
        else:
            measured.append((path, face.quality))
            embeddings.append(face.embedding)
        if progress is not None:
            progress(1)
    return EmbeddedProbes(tuple(measured), tuple(embeddings), tuple(failures))

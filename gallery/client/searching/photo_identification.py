"""The search with photos: each is embedded, failures are kept, the others are searched with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gallery.arrays import Floats
from gallery.client.embeddings.templates import check_embeddings
from gallery.client.photos.compatibility import check_embedder
from gallery.client.photos.embedder import PhotoEmbedder, PhotoFailure
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
    """

    paths: tuple[Path, ...]
    identification: Identification | None
    failures: tuple[PhotoFailure, ...]


def embed_probes(
    description: GalleryDescription,
    embedder: PhotoEmbedder,
    paths: Sequence[Path],
    progress: Progress | None = None,
) -> tuple[list[Path], list[Floats], list[PhotoFailure]]:
    """Embed photos to search with; return the good ones, their embeddings, and the failures."""
    check_embedder(embedder, description)
    good, embeddings, failures = [], [], []
    for path in paths:
        try:
            embedding = embedder.embed(path)
            check_embeddings(embedding, description)
        except (PhotoError, InvalidEmbeddingError) as error:
            failures.append(PhotoFailure.of(path, error))
        else:
            good.append(path)
            embeddings.append(embedding)
        if progress is not None:
            progress(1)
    return good, embeddings, failures

"""The check that photos are made into embeddings as those of a gallery were."""

from __future__ import annotations

from gallery.client.photos.embedder import PhotoEmbedder
from gallery.errors import ModelMismatchError
from gallery.hints import Hint
from gallery.messages import GalleryDescription


def embedder_for(description: GalleryDescription, runtime: str | None = None) -> PhotoEmbedder:
    """Return what makes embeddings for a gallery out of photos.

    Raises
    ------
    ModelMismatchError
        If the gallery holds embeddings of another origin.
    """
    made_by = description.preprocessing
    if not made_by.model:
        raise ModelMismatchError(
            f"gallery {description.name!r} holds embeddings that were made elsewhere, so "
            "photos cannot be compared with it",
            hint=Hint.MAKE_GALLERY_FOR_PHOTOS,
        )
    return PhotoEmbedder(made_by.model, made_by.detector, align=made_by.align, runtime=runtime)


def check_embedder(embedder: PhotoEmbedder, description: GalleryDescription) -> None:
    """Check that photos are made into embeddings as the gallery's were (`ModelMismatchError`)."""
    wanted, found = description.preprocessing, embedder.preprocessing
    if found != wanted:
        raise ModelMismatchError(
            f"gallery {description.name!r} was made for {wanted.statement}; "
            f"these photos would be embedded with {found.statement}, and distances between the two "
            "mean nothing"
        )

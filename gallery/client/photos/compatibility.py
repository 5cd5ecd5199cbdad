"""The check that photos are made into embeddings as those of a gallery were."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gallery.client.photos.embedder import FaceMemory, PhotoEmbedder
from gallery.client.photos.trusted_weights import TrustedWeights
from gallery.errors import ModelMismatchError
from gallery.hints import Hint
from gallery.messages import GalleryDescription, ModelOrigin


def embedder_for(
    description: GalleryDescription,
    runtime: str | None = None,
    *,
    trusted: TrustedWeights | None = None,
    warn: Callable[[str], None] | None = None,
    jobs: int | None = None,
    memory: FaceMemory | None = None,
) -> PhotoEmbedder:
    """Return the embedder of photos for a gallery; arguments of `PhotoEmbedder`.

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
    embedder = PhotoEmbedder(
        made_by.model,
        made_by.detector,
        align=made_by.align,
        runtime=runtime,
        trusted=trusted,
        warn=warn,
        jobs=jobs,
        memory=memory,
    )
    _compare_when_prepared(embedder, description)
    return embedder


def check_embedder(embedder: PhotoEmbedder, description: GalleryDescription) -> None:
    """Check that photos are made into embeddings as the gallery's were (`ModelMismatchError`).

    When the weights are known, the embedder warns where they are not those of the gallery.
    """
    wanted, found = description.preprocessing, embedder.preprocessing
    if found != wanted:
        raise ModelMismatchError(
            f"gallery {description.name!r} was made for {wanted.statement}; "
            f"these photos would be embedded with {found.statement}, and distances between the two "
            "mean nothing"
        )
    _compare_when_prepared(embedder, description)


def _compare_when_prepared(embedder: PhotoEmbedder, description: GalleryDescription) -> None:
    """Have the embedder warn where its weights are not those of the gallery, once for each."""
    made_with = description.origin
    if made_with is not None:

        def compare(origin: ModelOrigin) -> None:
            for difference in _differences(made_with, origin):
                embedder.warn(
                    f"{difference}; gallery {description.name!r} was made with the former, so "
                    "distances may mean something else: calibrate it, or enroll it anew"
                )

        embedder.when_prepared(("compare", description.gallery_id), compare)


def _differences(made_with: ModelOrigin, found: ModelOrigin) -> Iterator[str]:
    if found.deepface != made_with.deepface:
        yield f"DeepFace was {made_with.deepface} and is {found.deepface} here"
    if found.runtime != made_with.runtime:
        # Each has files of its own.
        yield f"DeepFace's runtime was {made_with.runtime} and is {found.runtime} here"
        return
    for what in ("model", "detector"):
        before, now = (getattr(item, f"{what}_digest").hex() for item in (made_with, found))
        if before != now:
            yield f"the weights of the face {what} were {before[:16]} and are {now[:16]} here"

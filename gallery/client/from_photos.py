"""Enrolling and searching with photos: each is embedded, failures are kept, the others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gallery.client.candidates import Identification
from gallery.client.enrollment import Enroller, NewReference
from gallery.client.labels import content_digest, normalize_label
from gallery.client.photos.embedder import PhotoEmbedder
from gallery.client.photos.folders import LabelledPhoto
from gallery.client.templates import check_embeddings, to_vectors
from gallery.client.view import GalleryView
from gallery.errors import InvalidEmbeddingError, InvalidLabelError, ModelMismatchError, PhotoError

COMMIT_EVERY = 64
"""Photos between two writes: about half a minute of work on two cores, which is what is lost if the
process is killed. Each write encrypts a block anew, so writing after every photo would take longer
than the photos do."""

Floats = npt.NDArray[np.float64]
Progress = Callable[[int], None]


@dataclass(frozen=True)
class PhotoFailure:
    """A photo that gave no embedding, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class PhotoEnrollment:
    """What an enrollment of photos did.

    Attributes
    ----------
    added
        Path and reference identifier of each photo that was enrolled.
    skipped
        Path and reference identifier of each photo that was enrolled before.
    failures
        Photos that could not be enrolled.
    """

    added: tuple[tuple[Path, str], ...]
    skipped: tuple[tuple[Path, str], ...]
    failures: tuple[PhotoFailure, ...]


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


def check_embedder(view: GalleryView, embedder: PhotoEmbedder) -> None:
    """Check that photos are made into embeddings as the gallery's were (`ModelMismatchError`)."""
    wanted, found = view.description.preprocessing, embedder.preprocessing
    if found != wanted:
        raise ModelMismatchError(
            f"gallery {view.description.name!r} was made for {wanted.statement}; "
            f"these photos would be embedded with {found.statement}, and distances between the two "
            "mean nothing"
        )


class PhotoEnroller:
    """Enrolls photos into one gallery, a batch at a time."""

    def __init__(self, view: GalleryView, embedder: PhotoEmbedder) -> None:
        check_embedder(view, embedder)
        self._view = view
        self._embedder = embedder
        self._enroller = Enroller(view)
        self._known = self._enroller.enrolled()
        self._pending: dict[bytes, tuple[Path, NewReference]] = {}
        self._added: list[tuple[Path, str]] = []
        self._skipped: list[tuple[Path, str]] = []
        self._failures: list[PhotoFailure] = []

    def run(
        self, photos: Iterable[LabelledPhoto], progress: Progress | None = None
    ) -> PhotoEnrollment:
        """Enroll photos; on an interruption what was embedded so far is written first."""
        try:
            for photo in photos:
                self._take(photo)
                if len(self._pending) >= COMMIT_EVERY:
                    self._flush()
                if progress is not None:
                    progress(1)
        finally:
            self._flush()
        return PhotoEnrollment(tuple(self._added), tuple(self._skipped), tuple(self._failures))

    def _take(self, photo: LabelledPhoto) -> None:
        try:
            label = normalize_label(photo.label)
            digest = content_digest(photo.path.read_bytes())
            tag = self._view.labels.content_tag(digest, label)
            if tag in self._known:
                self._skipped.append((photo.path, self._known[tag].hex()))
            elif tag not in self._pending:
                embedding = self._embedder.embed(photo.path)
                vector = _to_vector(embedding, self._view)
                self._pending[tag] = photo.path, NewReference(vector, label, digest)
        except OSError as error:
            self._failures.append(PhotoFailure(photo.path, f"cannot be read: {error.strerror}"))
        except (PhotoError, InvalidLabelError, InvalidEmbeddingError) as error:
            self._failures.append(PhotoFailure(photo.path, str(error)))

    def _flush(self) -> None:
        while self._pending:
            wanted = {tag: item for tag, (_, item) in self._pending.items()}
            done = self._enroller.commit(wanted)
            for committed, report in ((done.added, self._added), (done.present, self._skipped)):
                for tag, reference_id in committed.items():
                    path, _ = self._pending.pop(tag)
                    report.append((path, reference_id.hex()))
            self._known |= done.added | done.present


def embed_probes(
    view: GalleryView,
    embedder: PhotoEmbedder,
    paths: Sequence[Path],
    progress: Progress | None = None,
) -> tuple[list[Path], list[Floats], list[PhotoFailure]]:
    """Embed photos to search with; return the good ones, their embeddings, and the failures."""
    check_embedder(view, embedder)
    good, embeddings, failures = [], [], []
    for path in paths:
        try:
            embedding = embedder.embed(path)
            check_embeddings(embedding, view.description)
        except (PhotoError, InvalidEmbeddingError) as error:
            failures.append(PhotoFailure(path, str(error)))
        else:
            good.append(path)
            embeddings.append(embedding)
        if progress is not None:
            progress(1)
    return good, embeddings, failures


def _to_vector(embedding: Floats, view: GalleryView) -> Floats:
    vectors = to_vectors(check_embeddings(embedding, view.description), view.description)
    first: Floats = vectors[0]
    return first

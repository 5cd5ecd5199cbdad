"""Labelled sets: the embeddings, with the subjects they show, that accuracy is measured on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gallery.accuracy.pairs import read_pairs
from gallery.arrays import Floats, Integers
from gallery.client import (
    FoundPhotos,
    LabelledPhoto,
    PhotoFailure,
    SourceKind,
    find_photos,
    hold,
    kind_of,
    read_embeddings,
)
from gallery.client.photos.embedding_run import embed_all
from gallery.client.progress import Progress
from gallery.errors import GalleryError, InvalidEmbeddingError, SourceError
from gallery.messages import Preprocessing

if TYPE_CHECKING:
    from gallery.client import PhotoEmbedder


class SetKind(StrEnum):
    """The kind of source that a labelled set is read from."""

    FOLDER = "folder of photos"
    PAIRS = "list of pairs"
    EMBEDDINGS = "file of embeddings"

    @property
    def has_photos(self) -> bool:
        """Whether a face model is needed."""
        return self is not SetKind.EMBEDDINGS


@dataclass(frozen=True, eq=False)
class Attempts:
    """Photos that were to be embedded.

    Attributes
    ----------
    subjects
        Number of the subject of each photo, from 0, shape (p,).
    failed
        Whether it gave no embedding, bool, shape (p,).
    """

    subjects: Integers
    failed: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LabelledSet:
    """Embeddings and whom they show.

    Attributes
    ----------
    name, kind
        Name of the file or folder, without its path, and what it is.
    embeddings
        As the model gives them, shape (n, d).
    subjects
        Number of the subject of each, from 0, shape (n,).
    preprocessing
        Where they come from; only ``model`` is known of a file.
    failures
        Photos that gave no embedding.
    attempts
        All photos, or None for ready embeddings.
    duplicates
        Samples left out because the same embedding of the same subject was there already.
    photo_ms
        Median time to read a photo and embed its face in one process, or None for ready embeddings.
    """

    name: str
    kind: SetKind
    embeddings: Floats
    subjects: Integers
    preprocessing: Preprocessing
    failures: tuple[PhotoFailure, ...] = ()
    attempts: Attempts | None = None
    duplicates: int = 0
    photo_ms: float | None = None

    @property
    def subject_count(self) -> int:
        """Number of different subjects."""
        return int(self.subjects.max()) + 1

    @property
    def dimension(self) -> int:
        """Values of an embedding."""
        return int(self.embeddings.shape[1])


def kind_of_set(source: Path) -> SetKind:
    """Return the kind of source of a labelled set, as `kind_of` does for sources."""
    kinds = {SourceKind.FOLDER: SetKind.FOLDER, SourceKind.EMBEDDINGS: SetKind.EMBEDDINGS}
    return kinds.get(kind_of(source), SetKind.PAIRS)


def labelled_photos(source: Path) -> FoundPhotos[LabelledPhoto]:
    """Return the photos of a folder or of a list of pairs (`SourceError`)."""
    return find_photos(source) if source.is_dir() else FoundPhotos(tuple(read_pairs(source)))


def subjects_of(photos: Sequence[LabelledPhoto]) -> Integers:
    """Return the number of the subject of each photo, from 0, shape (p,)."""
    return _numbered([photo.label for photo in photos])


def read_set(source: Path) -> LabelledSet:
    """Read a file of embeddings with labels.

    Raises
    ------
    SourceError
        If it is no such file.
    InvalidEmbeddingError
        If the embeddings are not real numbers of shape (n, d).
    """
    found = read_embeddings(source, need_labels=True)
    embeddings = np.asarray(found.embeddings)
    if embeddings.ndim != 2 or embeddings.dtype.kind not in "fiu":
        raise InvalidEmbeddingError(f"{source}: 'embeddings' must be real numbers of shape (n, d)")
    made_by = Preprocessing(model=found.model or "")
    if not len(embeddings):
        raise SourceError(f"{source} holds no embeddings")
    name = source.resolve().name
    return _labelled(name, SetKind.EMBEDDINGS, embeddings.astype(np.float64), found.labels, made_by)


def embed_set(
    source: Path,
    photos: Sequence[LabelledPhoto],
    embedder: PhotoEmbedder,
    progress: Progress | None = None,
) -> LabelledSet:
    """Embed photos; those that give no embedding are kept as failures, with those of a folder.

    Raises
    ------
    MissingDependencyError, WeightsError, FaceRuntimeError
        If the model cannot be used on this machine.
    SourceError
        If no photo gives an embedding.
    """
    found: dict[int, Floats] = {}
    failures = [*photos.failures] if isinstance(photos, FoundPhotos) else []
    held = ((place, hold(photo.path)) for place, photo in enumerate(photos))
    with closing(embed_all(embedder, held)) as embedded:
        for place, faces in embedded:
            if isinstance(faces, GalleryError):
                # Without the hint that another face can be chosen: here, none is.
                failures.append(PhotoFailure(photos[place].path, faces.message))
            else:
                found[place] = faces[0].embedding
            if progress is not None:
                progress(1)
    if not found:
        raise SourceError(f"none of the {len(photos)} photos in {source} gives an embedding")
    return assembled_set(
        source.resolve().name,
        kind_of_set(source),
        [photo.label for photo in photos],
        found,
        embedder.preprocessing,
        failures,
        1e3 * float(np.median(embedder.seconds)) if embedder.seconds else None,
    )


def assembled_set(
    name: str,
    kind: SetKind,
    labels: Sequence[str],
    found: Mapping[int, Floats],
    made_by: Preprocessing,
    failures: Sequence[PhotoFailure],
    photo_ms: float | None = None,
) -> LabelledSet:
    """Return the set of photos that were embedded one by one.

    Parameters
    ----------
    name, kind
        As for `LabelledSet`.
    labels
        Whom each photo shows.
    found
        The embedding of each photo that gave one, by its place; at least one.
    made_by
        What made them.
    failures
        Why the others gave none.
    photo_ms
        Median time of a photo.
    """
    failed = np.array([place not in found for place in range(len(labels))])
    some = [label for place, label in enumerate(labels) if place in found]
    vectors = np.stack([found[place] for place in range(len(labels)) if place in found])
    return replace(
        _labelled(name, kind, vectors, some, made_by),
        failures=tuple(failures),
        attempts=Attempts(_numbered(labels), failed),
        photo_ms=photo_ms,
    )


def _labelled(
    name: str, kind: SetKind, embeddings: Floats, labels: Sequence[str], made_by: Preprocessing
) -> LabelledSet:
    subjects = _numbered(labels)
    # A copy of the enrolled photo is found by any model; it would only flatter the result.
    samples = np.column_stack([subjects.astype(np.float64), embeddings])
    kept = np.sort(np.unique(samples, axis=0, return_index=True)[1])
    return LabelledSet(
        name=name,
        kind=kind,
        embeddings=embeddings[kept],
        subjects=subjects[kept],
        preprocessing=made_by,
        duplicates=len(embeddings) - len(kept),
    )


def _numbered(labels: Sequence[str]) -> Integers:
    """Return a number from 0 for each label, equal where the labels are."""
    # Not in an array of text, in which each label takes as much as the longest one.
    numbers = {label: number for number, label in enumerate(sorted(set(labels)))}
    return np.fromiter((numbers[label] for label in labels), np.int64, len(labels))

"""The identification of everybody in uploaded photos, by one search of a gallery."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

import numpy as np
import numpy.typing as npt

from gallery.arrays import Floats
from gallery.client import FaceQuality, Identification, release
from gallery.client.photos.faces import FaceBox
from gallery.desk.open_gallery import OpenGallery
from gallery.desk.photo_faces import PhotoOfFaces
from gallery.desk.stages import timed
from gallery.errors import ReferenceNotFoundError

LIMITED_DECIMALS: Final = 2
"""Decimals of the distances that holders get who may only search: with all digits, some hundred
searches recover a template (Mohanty et al., IEEE TPAMI 2007)."""


@dataclass(frozen=True)
class Candidate:
    """A person who may be meant.

    Attributes
    ----------
    label
        The person's label.
    distance
        Of the closest reference, rounded.
    attributes
        Attributes of the person.
    is_expired
        Whether the person is no match any more.
    """

    label: str
    distance: float
    attributes: Mapping[str, str]
    is_expired: bool


@dataclass(frozen=True)
class FaceDecision:
    """The decision on one face.

    Attributes
    ----------
    box
        Where it is, in pixels of the upright photo; None if nobody looked.
    quality
        The quality of the photo for this face, or None for ready embeddings.
    decision
        ``match`` or ``non-match``.
    label, distance
        Of the closest person; the label is None without a match.
    threshold
        Largest distance of a match, in units of the metric.
    ambiguous
        Whether a second person could be meant as well.
    is_expired
        Whether the closest person would be a match, but has expired.
    attributes
        Of the person who is the match; empty without one.
    candidates
        The closest people, closest first.
    """

    box: FaceBox | None
    quality: FaceQuality | None
    decision: str
    label: str | None
    distance: float | None
    threshold: float
    ambiguous: bool
    is_expired: bool
    attributes: Mapping[str, str]
    candidates: tuple[Candidate, ...]

    @property
    def confidence(self) -> float | None:
        """Of the detector, 0 to 1, or None."""
        return None if self.quality is None else self.quality.confidence

    @property
    def warnings(self) -> tuple[str, ...]:
        """The flaws of the photo for this face, in words with figures."""
        return () if self.quality is None else self.quality.warnings()

    @property
    def is_match(self) -> bool:
        """Whether it is a match."""
        return self.decision == "match"

    def limited(self) -> FaceDecision:
        """Return the part for a holder who may only search: decisions, and rounded distances."""
        distance = self.distance if self.is_match else None
        rounded = None if distance is None else round(distance, LIMITED_DECIMALS)
        return replace(self, distance=rounded, candidates=(), attributes={}, is_expired=False)


@dataclass(frozen=True, eq=False)
class PhotoDecisions:
    """A photo with what was decided of each face in it."""

    photo: PhotoOfFaces
    decisions: tuple[FaceDecision, ...]

    def limited(self) -> PhotoDecisions:
        """Return the part for a holder who may only search."""
        return replace(self, decisions=tuple(item.limited() for item in self.decisions))


def identify(
    opened: OpenGallery,
    photos: tuple[PhotoOfFaces, ...],
    *,
    top: int = 3,
    threshold: float | str | None = None,
) -> tuple[PhotoDecisions, ...]:
    """Identify every face of some photos; raises what `GalleryClient.identify` raises."""

    def search(embeddings: Floats) -> Identification:
        return search_all(opened, embeddings, top=top, threshold=threshold)

    return _decide(opened, photos, search)


def search_all(
    opened: OpenGallery,
    embeddings: npt.ArrayLike,
    *,
    top: int = 3,
    threshold: float | str | None = None,
) -> Identification:
    """Identify embeddings; raises what `GalleryClient.identify` raises."""
    with timed("search"):
        return opened.client.identify(embeddings, top, threshold)


def match(
    opened: OpenGallery,
    photos: tuple[PhotoOfFaces, ...],
    label: str,
    threshold: float | str | None = None,
    *,
    limited: bool = False,
) -> tuple[PhotoDecisions, ...]:
    """Compare every face of some photos with one person; see `compare`."""

    def search(embeddings: Floats) -> Identification | None:
        return compare(opened, embeddings, label, threshold, limited=limited)

    return _decide(opened, photos, search)


def compare(
    opened: OpenGallery,
    embeddings: npt.ArrayLike,
    label: str,
    threshold: float | str | None = None,
    *,
    limited: bool,
) -> Identification | None:
    """Compare embeddings with one person; raises what `GalleryClient.match` raises.

    Limited holders do not learn whether there is such a person: the gallery is searched, and None
    stands for decisions that match nobody.
    """
    try:
        with timed("search"):
            return opened.client.match(embeddings, label, threshold)
    except ReferenceNotFoundError:
        if not limited:
            raise
        return None


def decisions_of(
    opened: OpenGallery, found: Identification | None, count: int
) -> tuple[PhotoDecisions, ...]:
    """Return the decisions of a search with some ready embeddings, called by their numbers."""
    if found is None:
        limit = opened.client.threshold().value
        made = [_nobody(limit, None, None) for _ in range(count)]
    else:
        distances = release(found.distances, opened.client.description)
        made = [_decision(found, distances, row, None, None) for row in range(count)]
    return tuple(
        PhotoDecisions(PhotoOfFaces(str(row), b"", None, ()), (decision,))
        for row, decision in enumerate(made)
    )


def _decide(
    opened: OpenGallery,
    photos: tuple[PhotoOfFaces, ...],
    search: Callable[[Floats], Identification | None],
) -> tuple[PhotoDecisions, ...]:
    """Search with all faces of some photos at once, and give each photo its decisions."""
    faces = [face for photo in photos for face in photo.faces]
    if not faces:
        return tuple(PhotoDecisions(photo, ()) for photo in photos)
    found = search(np.stack([face.embedding for face in faces]))
    if found is None:
        limit = opened.client.threshold().value
        made = [_nobody(limit, face.box, face.quality) for face in faces]
    else:
        distances = release(found.distances, opened.client.description)
        made = [
            _decision(found, distances, row, face.box, face.quality)
            for row, face in enumerate(faces)
        ]
    decisions = iter(made)
    return tuple(
        PhotoDecisions(photo, tuple(islice(decisions, len(photo.faces)))) for photo in photos
    )


def _nobody(limit: float, box: FaceBox | None, quality: FaceQuality | None) -> FaceDecision:
    return FaceDecision(
        box,
        quality,
        "non-match",
        None,
        None,
        limit,
        ambiguous=False,
        is_expired=False,
        attributes={},
        candidates=(),
    )


def _decision(
    found: Identification,
    distances: Floats,
    row: int,
    box: FaceBox | None,
    quality: FaceQuality | None,
) -> FaceDecision:
    match = bool(found.decisions[row])
    candidates = tuple(
        Candidate(
            str(found.labels[row, rank]),
            float(distance),
            found.details[row, rank].attributes,
            bool(found.expired[row, rank]),
        )
        for rank, distance in enumerate(distances[row])
        if np.isfinite(distance)
    )
    first = candidates[0] if candidates else None
    return FaceDecision(
        box,
        quality,
        "match" if match else "non-match",
        first.label if first and match else None,
        first.distance if first else None,
        found.threshold,
        bool(found.ambiguous[row]),
        bool(found.refused[row]),
        first.attributes if first and match else {},
        candidates,
    )

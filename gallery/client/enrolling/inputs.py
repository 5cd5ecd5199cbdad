"""The inputs of an enrollment: embeddings and labels, checked, and prepared to be encrypted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy.typing as npt

from gallery.arrays import Floats
from gallery.client.embeddings.templates import check_embeddings, to_vectors
from gallery.client.integrity import clock
from gallery.client.integrity.labels import content_digest, normalize_label
from gallery.client.integrity.person_details import NO_DETAILS, PersonDetails
from gallery.client.integrity.printable_text import check_listed
from gallery.client.keys.secrets import Secret
from gallery.errors import GalleryError, InvalidLabelError
from gallery.messages import GalleryDescription


@dataclass(frozen=True, eq=False)
class NewReference:
    """One reference that is to be enrolled.

    Attributes
    ----------
    vector
        Vector of norm at most 1, shape (d,).
    label
        The subject's label, normalised.
    content_digest
        Digest of the photo or embedding that it was made of.
    enrolled
        When it is or was enrolled, seconds since 1970 UTC; None if that is not known.
    details
        Attributes and expiry of the person, added to those of a person who has the label already.
    """

    vector: Floats
    label: str
    content_digest: bytes
    enrolled: int | None = field(default_factory=clock.seconds)
    details: PersonDetails = NO_DETAILS


class LabelledEmbeddings(Secret):
    """Embeddings with their labels, checked against the gallery that they are for.

    Parameters
    ----------
    embeddings
        Real numbers, shape (n, d), or (d,) for one.
    labels
        The n labels.
    description
        The gallery.
    details
        Attributes and expiry that all of these people get.
    digests
        SHA-256 of the photo that each was made of; of the embeddings themselves where None.

    Attributes
    ----------
    labels
        The n labels, normalised.

    Raises
    ------
    InvalidEmbeddingError, DimensionMismatchError
        If embeddings are not what `check_embeddings` lets pass.
    InvalidLabelError
        If a label is refused, or there are more or fewer than embeddings.
    GalleryError
        If there are more or fewer digests than embeddings.
    """

    def __init__(
        self,
        embeddings: npt.ArrayLike,
        labels: Sequence[str],
        description: GalleryDescription,
        details: PersonDetails = NO_DETAILS,
        digests: Sequence[bytes] | None = None,
    ) -> None:
        check_listed(labels)
        self._details, self._digests = details, digests
        self._embeddings, self._description = check_embeddings(embeddings, description), description
        if len(labels) != len(self._embeddings):
            raise InvalidLabelError(f"{len(self._embeddings)} embeddings have {len(labels)} labels")
        if digests is not None and len(digests) != len(self._embeddings):
            raise GalleryError(f"{len(self._embeddings)} embeddings have {len(digests)} digests")
        self.labels = [normalize_label(label) for label in labels]

    def __len__(self) -> int:
        return len(self.labels)

    def new_references(self) -> list[NewReference]:
        """Return the references to enroll, in the order of the embeddings."""
        vectors = to_vectors(self._embeddings, self._description)
        digests = self._digests or [
            content_digest(row.astype("<f8").tobytes()) for row in self._embeddings
        ]
        return [
            NewReference(*item, details=self._details)
            for item in zip(vectors, self.labels, digests, strict=True)
        ]

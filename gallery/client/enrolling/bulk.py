"""Enrolling files of any size: read, checked and written a block's worth at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gallery.arrays import Floats
from gallery.ciphertexts.blocks import capacity
from gallery.client.embeddings.sources import Batch, EmbeddingSource
from gallery.client.embeddings.templates import check_embeddings, to_vectors
from gallery.client.enrolling.enrollment import Enroller, NewReference
from gallery.client.integrity.labels import content_digest, normalize_label
from gallery.client.prefetch import Prefetcher
from gallery.client.session import GallerySession
from gallery.errors import InvalidEmbeddingError, InvalidLabelError


@dataclass(frozen=True)
class BulkEnrollment:
    """What the enrollment of a file did.

    Attributes
    ----------
    added
        Embeddings that were enrolled.
    skipped
        Those that were enrolled before under the same label, or come twice in the file.
    """

    added: int
    skipped: int


class BulkEnroller:
    """Enrolls a file of embeddings into one gallery.

    Parameters
    ----------
    session
        The gallery.
    source
        The file, which has labels.
    """

    def __init__(self, session: GallerySession, source: EmbeddingSource) -> None:
        self._session, self._source = session, source
        self._rows = capacity(session.parameters)

    def check(self) -> None:
        """Read all of the file once, so that nothing is enrolled of one that is refused."""
        for _ in self._checked():
            pass

    def run(
        self, progress: Callable[[int], None] | None = None, kept: set[str] | None = None
    ) -> BulkEnrollment:
        """Enroll what the file holds; raises what `Enroller.commit` raises.

        Parameters
        ----------
        progress
            Called with the number of embeddings that were just finished.
        kept
            Where to put the identifiers of the references that the file's embeddings have now.
        """
        added = inputs = 0
        with Prefetcher("prepare", self._prepared, self._checked()) as prepared:
            for done in Enroller(self._session).stream(item for some in prepared for item in some):
                added += len(done.added)
                inputs += done.inputs
                if kept is not None:
                    kept.update(id.hex() for id in (done.added | done.present).values())
                if progress is not None:
                    progress(done.inputs)
        return BulkEnrollment(added, inputs - added)

    def labels(self) -> Iterator[str]:
        """Yield the file's labels, normalised."""
        for _, labels in self._checked():
            yield from labels

    def _checked(self) -> Iterator[tuple[Floats, list[str]]]:
        """Yield checked embeddings with their labels, normalised."""
        first = 0
        for batch in self._source.batches(self._rows):
            try:
                found = self._check(batch)
            except (InvalidEmbeddingError, InvalidLabelError) as error:
                where = f"{self._source.path}, in the rows from {first} on: "
                raise type(error)(where + str(error)) from error
            yield found
            first += len(found[0])

    def _check(self, batch: Batch) -> tuple[Floats, list[str]]:
        embeddings, labels = batch
        found = check_embeddings(embeddings, self._session.description)
        return found, [normalize_label(label) for label in labels]

    def _prepared(self, checked: tuple[Floats, list[str]]) -> list[NewReference]:
        embeddings, labels = checked
        vectors = to_vectors(embeddings, self._session.description)
        digests = [content_digest(row.astype("<f8").tobytes()) for row in embeddings]
        return [NewReference(*item) for item in zip(vectors, labels, digests, strict=True)]

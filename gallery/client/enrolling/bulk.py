"""The enrollment of files of any size: read, checked and written a block's worth at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gallery.ciphertexts.blocks import capacity
from gallery.client.editing.selection import Reference
from gallery.client.embeddings.embedding_files import EmbeddingSource
from gallery.client.enrolling.enrollment import Enroller
from gallery.client.enrolling.inputs import LabelledEmbeddings
from gallery.client.enrolling.outliers import Outlier, OutlierRule
from gallery.client.integrity.person_details import NO_DETAILS, PersonDetails
from gallery.client.prefetch import Prefetcher
from gallery.client.progress import Progress
from gallery.client.session import GallerySession
from gallery.errors import InvalidEmbeddingError, InvalidLabelError


@dataclass(frozen=True)
class BulkEnrollment:
    """The outcome of the enrollment of a file.

    Attributes
    ----------
    added
        Embeddings that were enrolled.
    skipped
        Those that were enrolled before under the same label, or come twice in the file.
    outliers, erased
        As for `Enrollment`.
    """

    added: int
    skipped: int
    outliers: tuple[Outlier, ...] = ()
    erased: tuple[Reference, ...] = ()


class BulkEnroller:
    """Enrolls a file of embeddings into one gallery.

    Parameters
    ----------
    session
        The gallery.
    source
        The file, which has labels.
    rule
        The rule by which embeddings are outliers; by default none is.
    details
        Attributes and expiry that all of its people get.
    """

    def __init__(
        self,
        session: GallerySession,
        source: EmbeddingSource,
        rule: OutlierRule | None = None,
        details: PersonDetails = NO_DETAILS,
    ) -> None:
        self._session, self._source, self._rule = session, source, rule
        self._details = details
        self._rows = capacity(session.parameters)

    def batches(self) -> Iterator[LabelledEmbeddings]:
        """Yield all that the file holds, checked, a block's worth at a time.

        Raises
        ------
        SourceError, InvalidEmbeddingError, DimensionMismatchError, InvalidLabelError
            If anything in it is refused; the message names the place.
        """
        first = 0
        for embeddings, labels in self._source.batches(self._rows):
            try:
                batch = LabelledEmbeddings(
                    embeddings, labels, self._session.description, self._details
                )
            except (InvalidEmbeddingError, InvalidLabelError) as error:
                where = f"{self._source.path}, in the rows from {first} on: "
                raise type(error)(where + error.message, hint=error.hint) from error
            yield batch
            first += len(batch)

    def run(
        self, progress: Progress | None = None, reference_ids: set[bytes] | None = None
    ) -> BulkEnrollment:
        """Enroll what the file holds; raises what `Enroller.commit` raises.

        Parameters
        ----------
        progress
            Called with the number of embeddings that were just finished.
        reference_ids
            A set that takes the references that the file's embeddings have now, if one is given.
        """
        added = inputs = 0
        outliers: list[Outlier] = []
        prepare = LabelledEmbeddings.new_references
        with Prefetcher("prepare", prepare, self.batches()) as prepared:
            enroller = Enroller(self._session, self._rule)
            for done in enroller.stream(item for some in prepared for item in some):
                added += len(done.added)
                inputs += done.inputs
                outliers += done.outliers
                if reference_ids is not None:
                    reference_ids.update((done.added | done.present).values())
                if progress is not None:
                    progress(done.inputs)
        return BulkEnrollment(added, inputs - added, tuple(outliers))

"""What an owner can have enrolled into a gallery: embeddings, and files of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy.typing as npt

from gallery.client.embeddings.sources import EmbeddingSource
from gallery.client.embeddings.templates import check_embeddings, to_vectors
from gallery.client.enrolling.bulk import BulkEnroller, BulkEnrollment
from gallery.client.enrolling.duplicates import Duplicate, find_among_embeddings
from gallery.client.enrolling.enrollment import Enroller, Enrollment, NewReference
from gallery.client.facade.searching import SearchMethods
from gallery.client.facade.upkeep import UpkeepMethods
from gallery.client.integrity.labels import content_digest, normalize_label
from gallery.errors import InvalidLabelError

Progress = Callable[[int], None]


class EnrollmentMethods(SearchMethods, UpkeepMethods):
    """Enrolls into one gallery; to find duplicates it searches, to replace it erases."""

    def enroll(
        self,
        embeddings: npt.ArrayLike,
        labels: Sequence[str],
        *,
        model: str | None = None,
        replace: bool = False,
        progress: Progress | None = None,
    ) -> Enrollment:
        """Enroll embeddings, block by block.

        Parameters
        ----------
        embeddings
            Real numbers, shape (n, d): raw or normalised, as the model gives them.
        labels
            The n labels; several references may share one.
        model
            Where the embeddings come from; refused if the gallery names another model.
        replace
            Whether to erase the references that these labels had before, once the new are in.
        progress
            Called with the number of embeddings that were just finished.

        Returns
        -------
        Enrollment
            The reference identifiers, and which embeddings were not enrolled before.

        Raises
        ------
        InvalidEmbeddingError, DimensionMismatchError, ModelMismatchError, InvalidLabelError
            If an input is refused; nothing is enrolled then.
        WriteConflictError
            If other processes keep changing the gallery; finished blocks stay.
        """
        self._check_model(model)
        found = check_embeddings(embeddings, self.description)
        if len(labels) != len(found):
            raise InvalidLabelError(f"{len(found)} embeddings have {len(labels)} labels")
        names = [normalize_label(label) for label in labels]
        vectors = to_vectors(found, self.description)
        digests = (content_digest(row.astype("<f8").tobytes()) for row in found)
        wanted = [NewReference(*item) for item in zip(vectors, names, digests, strict=True)]
        done = Enroller(self._view).enroll(wanted, progress)
        if replace:
            self._erase_former(names, done.reference_ids)
        return done

    def find_duplicates(
        self,
        embeddings: npt.ArrayLike,
        labels: Sequence[str],
        threshold: float | None = None,
        *,
        model: str | None = None,
        progress: Progress | None = None,
    ) -> tuple[Duplicate, ...]:
        """Find embeddings that match references of other labels, before they are enrolled.

        Each one that is not enrolled yet is searched for, and compared with those before it. If
        what is found decides what is enrolled, the server can tell how much was left out.

        Parameters
        ----------
        embeddings, labels, model
            As for `enroll`.
        threshold
            Largest distance of a match, as for `identify`.
        progress
            Called with the number of embeddings that were just finished.

        Returns
        -------
        tuple of Duplicate
            In the order of the embeddings.

        Raises
        ------
        InvalidEmbeddingError, DimensionMismatchError, ModelMismatchError, InvalidLabelError,
        ThresholdRequiredError
            If an input is refused.
        IntegrityError
            If the gallery or the server's answer is not what the owner enrolled.
        """
        self._check_model(model)
        limit = self.threshold(threshold).value
        return find_among_embeddings(self._view, embeddings, labels, limit, progress)

    def enroll_file(
        self,
        source: EmbeddingSource,
        *,
        replace: bool = False,
        progress: Progress | None = None,
    ) -> BulkEnrollment:
        """Enroll a file of embeddings of any size, a block's worth at a time.

        The file is read twice: all of it is checked before anything is enrolled.

        Parameters
        ----------
        source
            A file with labels, from `open_embeddings`.
        replace, progress
            As for `enroll`. To replace, all labels are kept in memory.

        Returns
        -------
        BulkEnrollment
            How many were enrolled now and before.

        Raises
        ------
        SourceError
            If the file is damaged.
        InvalidEmbeddingError, DimensionMismatchError, ModelMismatchError, InvalidLabelError
            If anything in it is refused; nothing is enrolled then.
        WriteConflictError
            If other processes keep changing the gallery; finished blocks stay.
        """
        self._check_model(source.model)
        enroller = BulkEnroller(self._view, source)
        enroller.check()
        kept = set[str]() if replace else None
        done = enroller.run(progress, kept)
        if kept is not None:
            self._erase_former(enroller.labels(), kept)
        return done

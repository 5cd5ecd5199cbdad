"""Methods of an open gallery that enroll: embeddings, files, photos and folders."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace as replaced
from typing import TYPE_CHECKING, Literal

import numpy.typing as npt

from gallery.client.integrity.labels import normalize_label
from gallery.client.integrity.person_details import NO_DETAILS, DetailsChange, PersonDetails
from gallery.client.methods.threshold_methods import ThresholdMethods
from gallery.client.progress import Progress
from gallery.errors import IntegrityError, ThresholdRequiredError

if TYPE_CHECKING:
    from gallery.client.editing.selection import Reference
    from gallery.client.embeddings.embedding_files import EmbeddingSource
    from gallery.client.enrolling.bulk import BulkEnrollment
    from gallery.client.enrolling.duplicates import Duplicate
    from gallery.client.enrolling.enrollment import Enrollment
    from gallery.client.enrolling.outliers import OutlierRule
    from gallery.client.enrolling.photo_outcome import OnDuplicate, PhotoEnrollment
    from gallery.client.photos.embedder import PhotoEmbedder
    from gallery.client.photos.faces import FaceSelection
    from gallery.client.photos.folders import LabelledPhoto
    from gallery.client.photos.sources import PhotoSource
    from gallery.client.syncing.folder_sync import FolderSync


class EnrollmentMethods(ThresholdMethods):
    """The methods that enroll references into a gallery."""

    def enroll(
        self,
        embeddings: npt.ArrayLike,
        labels: Sequence[str],
        *,
        model: str | None = None,
        replace: bool = False,
        details: PersonDetails = NO_DETAILS,
        digests: Sequence[bytes] | None = None,
        embedder: PhotoEmbedder | None = None,
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
        details
            Attributes and expiry that all of these people get, beside what they have already.
        digests
            SHA-256 of the photo's file that each embedding was made of, by which `enroll_photos`
            knows it again; by default the embeddings themselves count.
        embedder
            The embedder that made them of photos; an empty gallery records it.
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
        from gallery.client.enrolling.enrollment import Enroller
        from gallery.client.enrolling.inputs import LabelledEmbeddings

        self._check_model(model)
        inputs = LabelledEmbeddings(embeddings, labels, self.description, details, digests)
        enroller = Enroller(self._session, self._outlier_rule())
        if embedder is not None:
            from gallery.client.enrolling.photo_enrollment import record_embedder

            record_embedder(self._session, embedder, enroller.enrolled())
        done = enroller.enroll(inputs.new_references(), progress)
        if replace:
            staying = map(bytes.fromhex, done.reference_ids.tolist())
            done = replaced(done, erased=self._erase_replaced(inputs.labels, staying))
        self._add_details(inputs.labels, details)
        return done

    def find_duplicates(
        self,
        embeddings: npt.ArrayLike,
        labels: Sequence[str],
        threshold: float | str | None = None,
        *,
        model: str | None = None,
        digests: Sequence[bytes] | None = None,
        progress: Progress | None = None,
    ) -> tuple[Duplicate, ...]:
        """Find embeddings that match references of other labels, before they are enrolled.

        Each one that is not enrolled yet is searched for, and compared with those before it. If
        what is found decides what is enrolled, the server can tell how much was left out.

        Parameters
        ----------
        embeddings, labels, model, digests
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
        from gallery.client.enrolling.duplicates import find_among_embeddings
        from gallery.client.enrolling.inputs import LabelledEmbeddings

        self._check_model(model)
        limit = self.threshold(threshold)
        inputs = LabelledEmbeddings(embeddings, labels, self.description, digests=digests)
        return find_among_embeddings(self._session, inputs, limit, progress)

    def photos_enrolled(self, digests: Sequence[bytes], labels: Sequence[str]) -> tuple[bool, ...]:
        """Tell of photos whether they are enrolled already, without a look at their faces.

        Parameters
        ----------
        digests
            SHA-256 of each photo's file.
        labels
            Label of the person whom each shows.

        Returns
        -------
        tuple of bool
            For each photo, whether its largest face is enrolled under its label.

        Raises
        ------
        InvalidLabelError
            If a label cannot be one.
        """
        from gallery.client.enrolling.enrollment import photos_enrolled

        return photos_enrolled(self._session, digests, labels)

    def enroll_file(
        self,
        source: EmbeddingSource,
        *,
        replace: bool = False,
        details: PersonDetails = NO_DETAILS,
        progress: Progress | None = None,
    ) -> BulkEnrollment:
        """Enroll a file of embeddings of any size, a block's worth at a time.

        The file is read twice: all of it is checked before anything is enrolled.

        Parameters
        ----------
        source
            A file with labels, from `open_embeddings`.
        replace, details, progress
            As for `enroll`. To replace, or to add details, all labels are kept in memory.

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
        from gallery.client.enrolling.bulk import BulkEnroller

        self._check_model(source.model)
        enroller = BulkEnroller(self._session, source, self._outlier_rule(), details)
        labels = set[str]()
        for batch in enroller.batches():
            if replace or details:
                labels.update(batch.labels)
        staying = set[bytes]() if replace else None
        done = enroller.run(progress, staying)
        if staying is not None:
            done = replaced(done, erased=self._erase_replaced(labels, staying))
        self._add_details(labels, details)
        return done

    def enroll_photos(
        self,
        photos: Iterable[LabelledPhoto | tuple[PhotoSource, str]],
        *,
        faces: FaceSelection = "one",
        embedder: PhotoEmbedder | None = None,
        replace: bool = False,
        on_duplicate: OnDuplicate = "add",
        details: PersonDetails = NO_DETAILS,
        progress: Progress | None = None,
    ) -> PhotoEnrollment:
        """Enroll photos with DeepFace; by default each must show one face.

        Parameters
        ----------
        photos
            Photos with their labels: `LabelledPhoto`, or pairs of a photo as for `identify_photos`
            and its label.
        faces
            Which faces of a photo are enrolled under its label: ``"one"``, where a photo with
            several fails, ``"largest"``, or ``"all"``, for several pictures of one person in one
            file: a photo fails in which two faces do not match each other at `threshold`.
        embedder
            The embedder; by default one for the gallery's own model and detector.
        replace
            Whether to erase the references that the labels of good photos had before, once the
            new are in.
        on_duplicate
            The policy for faces that match references of other labels, or others of this run, at
            `threshold`: ``"add"``, which does not look for them, ``"skip"``, ``"fail"``, or a
            function that is given path and `Duplicate` of each and says whether to enroll it; of a
            photo that is no file its name.
        details
            As for `enroll`; photos that are left out change nothing.
        progress
            Called with the number of photos that were just finished.

        Returns
        -------
        PhotoEnrollment
            The references that were added and those that were there already; the photos that gave
            no embedding, with the reason, which do not keep the others from being enrolled; and
            the quality of photos, duplicates and outliers.

        Raises
        ------
        DuplicateSubjectError
            If there are duplicates and they are to fail; nothing is enrolled then.
        ThresholdRequiredError
            If they are looked for, or all faces are enrolled, and the gallery has no threshold.
        ModelMismatchError
            If the gallery is not for photos, or the embedder is not the gallery's.
        MissingDependencyError, WeightsError
            If DeepFace or the model's weights are not there.
        """
        from gallery.client.enrolling.photo_enrollment import PhotoEnroller

        limit = None if on_duplicate == "add" and faces != "all" else self.threshold()
        enroller = PhotoEnroller(
            self._session,
            embedder or self.embedder(),
            on_duplicate,
            limit,
            self._outlier_rule(),
            faces,
            details,
        )
        done = enroller.run(photos, progress)
        if replace:
            staying = [bytes.fromhex(item) for _, item in (*done.added, *done.skipped)]
            done = replaced(done, erased=self._erase_replaced(enroller.labels, staying))
        self._add_details(enroller.labels, details)
        return done

    def folder_sync(
        self,
        folder: str | os.PathLike[str],
        ledgers: str | os.PathLike[str],
        *,
        embedder: PhotoEmbedder | None = None,
        faces: Literal["one", "largest"] = "one",
    ) -> FolderSync:
        """Return a synchroniser of the gallery with a folder of photos, one sub-folder per person.

        Photos in the folder are enrolled, a photo that changes there replaces the former one, and
        references that came from there are erased when their photos go: see `FolderSync`.

        Parameters
        ----------
        folder
            The folder; it may be missing at times, and is looked at when a plan is made.
        ledgers
            The folder that remembers, sealed with the owner's key, what came from which folder of
            photos; made when it is first needed. Keep it beside the key.
        embedder
            The embedder; by default one for the gallery's own model and detector.
        faces
            The policy for photos with several faces: with ``one`` they are failures, with
            ``largest`` the largest face is taken. A photo is one reference here.

        Returns
        -------
        FolderSync
            A synchroniser, which plans and does the changes.
        """
        from gallery.client.syncing.folder_sync import FolderSync

        make = self.embedder if embedder is None else lambda: embedder
        return FolderSync(self._session, folder, ledgers, make, self._outlier_rule, faces)

    def _outlier_rule(self) -> OutlierRule | None:
        """Return the rule for outliers, or None if the gallery has no threshold."""
        from gallery.client.enrolling.outliers import OutlierRule

        try:
            return OutlierRule(self.description, self.threshold().value)
        except (ThresholdRequiredError, IntegrityError):
            return None

    def _add_details(self, labels: Iterable[str], details: PersonDetails) -> None:
        """Add details to those people who have references that were not just enrolled, too."""
        if details:
            from gallery.client.editing.relabelling import Relabeller

            changes = dict.fromkeys(map(normalize_label, labels), DetailsChange(details))
            Relabeller(self._session).annotate(changes, required=False)

    def _erase_replaced(
        self, labels: Iterable[str], staying: Iterable[bytes]
    ) -> tuple[Reference, ...]:
        """Erase the references of labels, but those that are to stay; return what was erased."""
        from gallery.client.editing.removal import Remover
        from gallery.client.editing.selection import Selection

        state = self._session.state()
        kept = {item.hex() for item in staying}
        erased = tuple(
            item
            for item in Selection(self._session, state).labelled(set(labels))
            if item.reference_id not in kept
        )
        identifiers = {bytes.fromhex(item.reference_id) for item in erased}
        Remover(self._session).remove(identifiers, state=state)
        return erased

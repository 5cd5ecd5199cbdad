"""The library's front door: one gallery, opened with the owner's key."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from gallery.client.backup import Backup
from gallery.client.ckks import ENGINES
from gallery.client.editing.creation import create_gallery
from gallery.client.embeddings.sources import EmbeddingSource
from gallery.client.embeddings.templates import check_embeddings, to_vectors
from gallery.client.enrolling.bulk import BulkEnroller, BulkEnrollment
from gallery.client.enrolling.duplicates import Duplicate, find_among_embeddings
from gallery.client.enrolling.enrollment import Enroller, Enrollment, NewReference
from gallery.client.enrolling.from_photos import OnDuplicate, PhotoEnroller, PhotoEnrollment
from gallery.client.facade.upkeep import GalleryUpkeep
from gallery.client.integrity.labels import content_digest, normalize_label
from gallery.client.integrity.memory import Memory
from gallery.client.integrity.view import GalleryView
from gallery.client.keys.secrets import GalleryKey
from gallery.client.photos.compatibility import embedder_for
from gallery.client.photos.embedder import PhotoEmbedder
from gallery.client.photos.folders import LabelledPhoto
from gallery.client.searching.calibration import Calibration, find_calibration, store_calibration
from gallery.client.searching.candidates import Identification
from gallery.client.searching.from_photos import PhotoIdentification, embed_probes
from gallery.client.searching.identification import Searcher
from gallery.client.searching.thresholds import Threshold, find_threshold
from gallery.errors import (
    InvalidEmbeddingError,
    InvalidLabelError,
    ModelMismatchError,
)
from gallery.messages import Preprocessing
from gallery.metrics import Metric
from gallery.parameters import STANDARD, ParameterSet
from gallery.protocol import GalleryService

Progress = Callable[[int], None]


class GalleryClient(GalleryUpkeep):
    """One gallery, opened by its owner: the only side that sees embeddings, labels and distances.

    Parameters
    ----------
    service
        The keyless side: an embedded one from `gallery.server.open_service`, or any other
        `gallery.protocol.GalleryService`.
    key
        The owner's key, from `read_key_file` or `GalleryKey.generate`.
    gallery
        Name of the gallery.
    memory
        Remembers the newest state of galleries, so that an older one put back is noticed: a
        `FileMemory` for as long as the file lives; by default as long as this client lives.
    engine
        What encrypts and decrypts: ``"native"``, or ``"tenseal"``, which is slower and SEAL itself.
        Either opens what the other has made.

    Raises
    ------
    GalleryError
        If there is no such engine.
    GalleryNotFoundError
        If there is no such gallery.
    KeyMismatchError
        If it was made with another key.
    AuthenticationError
        If its description was changed.

    Examples
    --------
    >>> from gallery.client import GalleryClient, GalleryKey
    >>> from gallery.server import open_service
    >>> key = GalleryKey.generate()
    >>> embeddings = np.eye(3)
    >>> with open_service(f"sqlite:///{folder}/example.db", create=True) as service:
    ...     with GalleryClient.create(service, key, dimension=3) as client:
    ...         _ = client.enroll(embeddings, ["Ada", "Grace", "Edith"])
    ...         found = client.identify([0.1, 0.9, 0.1], k=2, threshold=0.4)
    >>> found.labels[0, 0], bool(found.decisions[0])
    (np.str_('Grace'), True)
    """

    def __init__(
        self,
        service: GalleryService,
        key: GalleryKey,
        gallery: str = "default",
        *,
        memory: Memory | None = None,
        engine: str = ENGINES[0],
    ) -> None:
        self._view = GalleryView(service, key, gallery, memory, engine)

    @classmethod
    def create(
        cls,
        service: GalleryService,
        key: GalleryKey,
        gallery: str = "default",
        *,
        dimension: int,
        preprocessing: Preprocessing | None = None,
        metric: Metric | str = Metric.COSINE,
        parameters: ParameterSet = STANDARD,
        norm_bound: float | None = None,
        threshold: float | None = None,
        engine: str = ENGINES[0],
    ) -> Self:
        """Make a gallery and open it. All of its properties are fixed from here on.

        Parameters
        ----------
        service, key, gallery, engine
            As for opening one.
        dimension
            Values of an embedding, 1 to 4,096.
        preprocessing
            How photos become embeddings; None for embeddings of another origin.
        metric
            ``cosine``, ``euclidean`` or ``euclidean_l2``, as DeepFace defines them.
        parameters
            CKKS parameter set.
        norm_bound
            Largest norm of a raw embedding, for ``euclidean`` alone; by default the root of twice
            the dimension, at least 16. Errors of distances grow with it.
        threshold
            Default threshold of searches, in units of the metric.

        Raises
        ------
        GalleryExistsError
            If the name is taken.
        """
        create_gallery(
            service,
            key,
            gallery,
            dimension=dimension,
            preprocessing=preprocessing or Preprocessing(),
            metric=Metric(metric),
            parameters=parameters,
            norm_bound=norm_bound,
            threshold=threshold,
        )
        return cls(service, key, gallery, engine=engine)

    @classmethod
    def restore(
        cls,
        service: GalleryService,
        key: GalleryKey,
        path: str | os.PathLike[str],
        gallery: str | None = None,
        *,
        memory: Memory | None = None,
        engine: str = ENGINES[0],
        progress: Progress | None = None,
    ) -> Self:
        """Put the gallery of a backup into a database, whole or not at all, and open it.

        Parameters
        ----------
        service, key, memory, engine
            As for opening one.
        path
            The file, which `export` wrote. All of it is checked before anything is restored.
        gallery
            The name to give it; by default its own.
        progress
            Called with the number of blocks that were just restored.

        Raises
        ------
        BackupError
            If the file cannot be read, is truncated, damaged, or not what its owner wrote.
        KeyMismatchError
            If the gallery was made with another key.
        GalleryExistsError
            If the name is taken, or the same gallery is there under another name.
        """
        with Backup(path, key) as backup:
            name = backup.restore(service, gallery, progress)
        return cls(service, key, name, memory=memory, engine=engine)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give up temporary files. The service stays open."""
        self._view.close()

    def threshold(self, given: float | None = None) -> Threshold:
        """Return the threshold that a search would use.

        It is the given one, else the calibrated one, else the one set at the gallery's creation,
        else DeepFace's for its model.

        Raises
        ------
        ThresholdRequiredError
            If there is none, or the given one is not a number of at least 0.
        AuthenticationError, RolledBackError
            If the calibrated one is not the newest that the owner stored.
        """
        calibration = self.calibration() if given is None else None
        if calibration is not None:
            return calibration.as_threshold()
        return find_threshold(self.description, given)

    def calibration(self) -> Calibration | None:
        """Return the calibrated threshold, if there is one; raises what `threshold` raises."""
        return find_calibration(self._view)

    def store_calibration(self, calibration: Calibration) -> Calibration:
        """Store a threshold with the gallery, sealed, for every search from here on.

        Find it on distances in clear: what is computed from a decryption does not belong into a
        database, sealed or not.

        Returns
        -------
        Calibration
            The same with its number.

        Raises
        ------
        ThresholdRequiredError
            If the threshold is not a number of at least 0.
        WriteConflictError
            If another process calibrated the gallery at the same time.
        """
        find_threshold(self.description, calibration.threshold)
        return store_calibration(self._view, calibration)

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
            self.erase_former(names, done.reference_ids)
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
            self.erase_former(enroller.labels(), kept)
        return done

    def identify(
        self,
        embeddings: npt.ArrayLike,
        k: int = 1,
        threshold: float | None = None,
        *,
        model: str | None = None,
        progress: Progress | None = None,
    ) -> Identification:
        """Search the whole gallery with probes, of which there may be many thousands.

        While some are compared, the next are encrypted, and the results of those before are
        decrypted. Memory beyond embeddings, results and the gallery's references stays at about
        half a gigabyte, or at four times what a single probe needs if that is more.

        Parameters
        ----------
        embeddings
            The probes, real numbers, shape (n, d), or (d,) for one.
        k
            Length of the candidate lists, at least 1.
        threshold
            Largest distance of a match in units of the gallery's metric; by default the one that
            `threshold` returns.
        model
            Where the embeddings come from; refused if the gallery names another model.
        progress
            Called with the number of probes that were just finished.

        Returns
        -------
        Identification
            Distances, reference identifiers and labels of shape (n, k), and n decisions.

        Raises
        ------
        InvalidEmbeddingError, DimensionMismatchError, ModelMismatchError, ThresholdRequiredError
            If an input is refused.
        IntegrityError
            If the gallery or the server's answer is not what the owner enrolled.
        """
        if k < 1:
            raise ValueError("a candidate list has at least one place")
        self._check_model(model)
        found = check_embeddings(embeddings, self.description)
        if not len(found):
            raise InvalidEmbeddingError("there are no embeddings to search with")
        limit = self.threshold(threshold).value
        vectors = to_vectors(found, self.description)
        return Searcher(self._view).search(vectors, k, limit, progress)

    def enroll_photos(
        self,
        photos: Iterable[LabelledPhoto],
        *,
        embedder: PhotoEmbedder | None = None,
        replace: bool = False,
        on_duplicate: OnDuplicate = "add",
        progress: Progress | None = None,
    ) -> PhotoEnrollment:
        """Enroll photos of one face each with DeepFace.

        Parameters
        ----------
        photos
            Paths with their labels.
        embedder
            What embeds them; by default one for the gallery's own model and detector.
        replace
            Whether to erase the references that the labels of good photos had before, once the
            new are in.
        on_duplicate
            What to do with faces that match references of other labels, or others of this run, at
            `threshold`: ``"add"``, which does not look for them, ``"skip"``, ``"fail"``, or a
            function that is given path and `Duplicate` of each and says whether to enroll it.
        progress
            Called with the number of photos that were just finished.

        Returns
        -------
        PhotoEnrollment
            What was added, what was there already, and the photos that gave no embedding, with the
            reason; those do not keep the others from being enrolled. Quality and duplicates too.

        Raises
        ------
        DuplicateSubjectError
            If there are duplicates and they are to fail; nothing is enrolled then.
        ThresholdRequiredError
            If they are looked for and the gallery has no threshold.
        ModelMismatchError
            If the gallery is not for photos, or the embedder is not the gallery's.
        MissingDependencyError, WeightsError
            If DeepFace or the model's weights are not there.
        """
        taken = list(photos)
        limit = 0.0 if on_duplicate == "add" else self.threshold().value
        enroller = PhotoEnroller(self._view, embedder or self.embedder(), on_duplicate, limit)
        done = enroller.run(taken, progress)
        if replace:
            kept = dict((*done.added, *done.skipped))
            good = [normalize_label(photo.label) for photo in taken if photo.path in kept]
            self.erase_former(good, kept.values())
        return done

    def identify_photos(
        self,
        paths: Iterable[Path],
        k: int = 1,
        threshold: float | None = None,
        *,
        embedder: PhotoEmbedder | None = None,
        progress: Progress | None = None,
    ) -> PhotoIdentification:
        """Search the whole gallery with photos of one face each; see `identify`.

        Raises what `identify` and `enroll_photos` raise; photos that give no embedding are
        returned with the reason.
        """
        self.threshold(threshold)
        good, embeddings, failures = embed_probes(
            self.description, embedder or self.embedder(), list(paths), progress
        )
        found = self.identify(np.stack(embeddings), k, threshold) if good else None
        return PhotoIdentification(tuple(good), found, tuple(failures))

    def embedder(self, *, engine: str | None = None) -> PhotoEmbedder:
        """Return what makes embeddings for this gallery out of photos (`ModelMismatchError`)."""
        return embedder_for(self.description, engine)

    def _check_model(self, model: str | None) -> None:
        wanted = self.description.preprocessing.model
        if model is not None and wanted and model != wanted:
            raise ModelMismatchError(
                f"embeddings of model {model!r} cannot be compared with gallery "
                f"{self.description.name!r}, which holds embeddings of {wanted!r}"
            )

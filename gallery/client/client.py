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
from gallery.client.candidates import Identification
from gallery.client.creation import create_gallery
from gallery.client.enrollment import Enroller, Enrollment, NewReference
from gallery.client.from_photos import (
    PhotoEnroller,
    PhotoEnrollment,
    PhotoIdentification,
    embed_probes,
)
from gallery.client.identification import Searcher
from gallery.client.labels import content_digest, normalize_label
from gallery.client.memory import Memory
from gallery.client.photos.embedder import PhotoEmbedder
from gallery.client.photos.folders import LabelledPhoto
from gallery.client.secrets import GalleryKey
from gallery.client.templates import check_embeddings, to_vectors
from gallery.client.thresholds import Threshold, find_threshold
from gallery.client.upkeep import GalleryUpkeep
from gallery.client.view import GalleryView
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

    Raises
    ------
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
    ) -> None:
        self._view = GalleryView(service, key, gallery, memory)

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
    ) -> Self:
        """Make a gallery and open it. All of its properties are fixed from here on.

        Parameters
        ----------
        service, key, gallery
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
        return cls(service, key, gallery)

    @classmethod
    def restore(
        cls,
        service: GalleryService,
        key: GalleryKey,
        path: str | os.PathLike[str],
        gallery: str | None = None,
        *,
        memory: Memory | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Put the gallery of a backup into a database, whole or not at all, and open it.

        Parameters
        ----------
        service, key, memory
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
        return cls(service, key, name, memory=memory)

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
        """Return the threshold that a search would use (`ThresholdRequiredError`)."""
        return find_threshold(self.description, given)

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

    def identify(
        self,
        embeddings: npt.ArrayLike,
        k: int = 1,
        threshold: float | None = None,
        *,
        model: str | None = None,
        progress: Progress | None = None,
    ) -> Identification:
        """Search the whole gallery with probes.

        Parameters
        ----------
        embeddings
            The probes, real numbers, shape (n, d), or (d,) for one.
        k
            Length of the candidate lists, at least 1.
        threshold
            Largest distance of a match in units of the gallery's metric; by default the gallery's
            own, else DeepFace's for its model and metric.
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
        limit = find_threshold(self.description, threshold).value
        vectors = to_vectors(found, self.description)
        return Searcher(self._view).search(vectors, k, limit, progress)

    def enroll_photos(
        self,
        photos: Iterable[LabelledPhoto],
        *,
        embedder: PhotoEmbedder | None = None,
        replace: bool = False,
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
        progress
            Called with the number of photos that were just finished.

        Returns
        -------
        PhotoEnrollment
            What was added, what was there already, and the photos that gave no embedding, with the
            reason; those do not keep the others from being enrolled.

        Raises
        ------
        ModelMismatchError
            If the gallery is not for photos, or the embedder is not the gallery's.
        MissingDependencyError, WeightsError
            If DeepFace or the model's weights are not there.
        """
        taken = list(photos)
        done = PhotoEnroller(self._view, embedder or self.embedder()).run(taken, progress)
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
        find_threshold(self.description, threshold)
        good, embeddings, failures = embed_probes(
            self._view, embedder or self.embedder(), list(paths), progress
        )
        found = self.identify(np.stack(embeddings), k, threshold) if good else None
        return PhotoIdentification(tuple(good), found, tuple(failures))

    def embedder(self, *, engine: str | None = None) -> PhotoEmbedder:
        """Return what makes embeddings for this gallery out of photos (`ModelMismatchError`)."""
        made_by = self.description.preprocessing
        if not made_by.model:
            raise ModelMismatchError(
                f"gallery {self.description.name!r} holds embeddings that were made elsewhere, so "
                "photos cannot be compared with it; make a gallery with: gallery init --model NAME"
            )
        return PhotoEmbedder(made_by.model, made_by.detector, align=made_by.align, engine=engine)

    def _check_model(self, model: str | None) -> None:
        wanted = self.description.preprocessing.model
        if model is not None and wanted and model != wanted:
            raise ModelMismatchError(
                f"embeddings of model {model!r} cannot be compared with gallery "
                f"{self.description.name!r}, which holds embeddings of {wanted!r}"
            )

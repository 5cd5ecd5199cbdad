"""What an owner can do with photos: enroll them, and search with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from gallery.client.enrolling.from_photos import OnDuplicate, PhotoEnroller, PhotoEnrollment
from gallery.client.facade.enrolling import EnrollmentMethods
from gallery.client.integrity.labels import normalize_label
from gallery.client.photos.compatibility import embedder_for
from gallery.client.photos.embedder import PhotoEmbedder
from gallery.client.photos.folders import LabelledPhoto
from gallery.client.searching.from_photos import PhotoIdentification, embed_probes

Progress = Callable[[int], None]


class PhotoMethods(EnrollmentMethods):
    """Makes photos into embeddings, and does with these what is done with embeddings."""

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
            self._erase_former(good, kept.values())
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

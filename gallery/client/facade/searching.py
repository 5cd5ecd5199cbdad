"""What an owner can ask of a gallery about probes: who they are, and at which threshold."""

from __future__ import annotations

from collections.abc import Callable

import numpy.typing as npt

from gallery.client.embeddings.templates import check_embeddings, to_vectors
from gallery.client.facade.opened import OpenGallery
from gallery.client.searching.calibration import Calibration, find_calibration, store_calibration
from gallery.client.searching.candidates import Identification
from gallery.client.searching.identification import Searcher
from gallery.client.searching.thresholds import Threshold, find_threshold
from gallery.errors import InvalidEmbeddingError

Progress = Callable[[int], None]


class SearchMethods(OpenGallery):
    """Searches one gallery, and finds and stores its threshold."""

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

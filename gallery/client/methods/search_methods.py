"""Methods of an open gallery that search with embeddings: identification and comparisons."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy.typing as npt

from gallery.arrays import Floats
from gallery.client.embeddings.templates import check_embeddings, to_vectors
from gallery.client.integrity.labels import normalize_label
from gallery.client.methods.threshold_methods import ThresholdMethods
from gallery.client.progress import Progress
from gallery.client.searching.candidates import Identification
from gallery.client.searching.identification import Searcher
from gallery.client.searching.thresholds import Threshold
from gallery.client.searching.wanted import Wanted
from gallery.errors import InvalidEmbeddingError, ReferenceNotFoundError
from gallery.hints import Hint

if TYPE_CHECKING:
    from gallery.client.enrolling.closest_pairs import ClosePair


class SearchMethods(ThresholdMethods):
    """The methods that compare probes with all references of a gallery."""

    def identify(
        self,
        embeddings: npt.ArrayLike,
        k: int = 1,
        threshold: float | str | None = None,
        *,
        per_reference: bool = False,
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
            Length of the candidate lists, at least 1: so many people, each with the closest
            reference.
        threshold
            Largest distance of a match in units of the gallery's metric; by default the one that
            `threshold` returns.
        per_reference
            Whether the lists are of references, several of which may be one person's.
        model
            Where the embeddings come from; refused if the gallery names another model.
        progress
            Called with the number of probes that were just finished.

        Returns
        -------
        Identification
            Distances, reference identifiers and labels of shape (n, k), and n decisions; which of
            them are ambiguous; and what the threshold rests on.

        Raises
        ------
        InvalidEmbeddingError, DimensionMismatchError, ModelMismatchError, ThresholdRequiredError
            If an input is refused.
        InvalidThresholdError
            If the threshold is not one for the gallery's metric.
        IntegrityError
            If the gallery or the server's answer is not what the owner enrolled.
        """
        self._check_model(model)
        found = check_embeddings(embeddings, self.description)
        wanted = Wanted(k, per_reference)
        return self._search(found, wanted, self.threshold(threshold), progress)

    def match(
        self,
        embeddings: npt.ArrayLike,
        label: str,
        threshold: float | str | None = None,
        *,
        model: str | None = None,
        progress: Progress | None = None,
    ) -> Identification:
        """Compare probes with one person (1:1), to verify a claimed identity.

        The whole gallery is searched as `identify` does, with the same requests, so that the server
        learns neither who is meant nor whether there is such a person.

        Parameters
        ----------
        embeddings, threshold, model, progress
            As for `identify`.
        label
            The person's label.

        Returns
        -------
        Identification
            One candidate for each probe: the person's closest reference. ``searched`` counts the
            person's references, and no match is ambiguous, since nobody else is looked at.

        Raises
        ------
        ReferenceNotFoundError
            If no reference has the label.
        InvalidLabelError
            If the label is not valid.
        InvalidEmbeddingError, DimensionMismatchError, ModelMismatchError, ThresholdRequiredError,
        InvalidThresholdError, IntegrityError
            As for `identify`.
        """
        self._check_model(model)
        found = check_embeddings(embeddings, self.description)
        wanted = Wanted(pseudonym=self._session.labels.pseudonym(normalize_label(label)))
        done = self._search(found, wanted, self.threshold(threshold), progress)
        self._check_matched(done, label)
        return done

    def compare(
        self,
        embeddings: npt.ArrayLike,
        receive: Callable[[Floats], None],
        *,
        model: str | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Compare probes with all references, for statistics of their distances.

        The same requests are sent as by `identify`; nothing is ranked or decided, and no label is
        opened. All distances of a probe are there at once, but never those of all probes.

        Parameters
        ----------
        embeddings, model, progress
            As for `identify`.
        receive
            Called with the distances of the next few probes, again and again: float64, shape (m,
            r), at least 0, in units of the gallery's metric, with all digits; columns in the order
            of `references`. Distances passed before an error count for nothing.

        Raises
        ------
        InvalidEmbeddingError, DimensionMismatchError, ModelMismatchError, IntegrityError
            As for `identify`.
        """
        self._check_model(model)
        vectors = self._vectors(check_embeddings(embeddings, self.description))
        Searcher(self._session).compare(vectors, receive, progress)

    def closest_pairs(
        self,
        count: int = 10,
        threshold: float | str | None = None,
        *,
        progress: Progress | None = None,
    ) -> tuple[ClosePair, ...]:
        """Return the closest pairs of different people, who may be one under two labels.

        Every reference is opened and searched for: that takes as many probes as there are
        references, which the server sees.

        Parameters
        ----------
        count
            How many pairs, at least 1.
        threshold
            Largest distance of a match, as for `identify`.
        progress
            Called with the number of references that were just compared.

        Returns
        -------
        tuple of ClosePair
            The closest first, each pair of people once.

        Raises
        ------
        ThresholdRequiredError, InvalidThresholdError, IntegrityError
            As for `identify`.
        WriteConflictError
            If another process changes the gallery meanwhile.
        """
        from gallery.client.enrolling.closest_pairs import closest_pairs

        if count < 1:
            raise ValueError("at least one pair must be asked for")
        return closest_pairs(self._session, count, self.threshold(threshold), progress)

    def _search(
        self,
        embeddings: Floats,
        wanted: Wanted,
        threshold: Threshold,
        progress: Progress | None = None,
    ) -> Identification:
        """Search with embeddings that were checked."""
        vectors = self._vectors(embeddings)
        return Searcher(self._session).search(vectors, wanted, threshold, progress)

    def _vectors(self, embeddings: Floats) -> Floats:
        """Return the vectors of embeddings that were checked, which are encrypted."""
        if not len(embeddings):
            raise InvalidEmbeddingError("there are no embeddings to search with")
        return to_vectors(embeddings, self.description)

    def _check_matched(self, found: Identification, label: str) -> None:
        """Check, after the search, that there was somebody to match (`ReferenceNotFoundError`)."""
        if not found.searched.any():
            raise ReferenceNotFoundError(
                f"gallery {self.description.name!r} holds no reference named {label!r}",
                hint=Hint.LIST_REFERENCES,
            )

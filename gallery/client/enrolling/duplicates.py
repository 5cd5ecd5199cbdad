"""Duplicate subjects: new references that match a reference of another label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gallery.arrays import Floats
from gallery.client.enrolling.enrollment import Enroller, find_enrolled
from gallery.client.enrolling.inputs import LabelledEmbeddings, NewReference
from gallery.client.progress import Progress
from gallery.client.searching.identification import Searcher
from gallery.client.searching.thresholds import Threshold
from gallery.client.searching.wanted import Wanted
from gallery.client.session import GallerySession
from gallery.distances import from_squared
from gallery.messages import Manifest

_ROWS_AT_ONCE = 256
"""Rows that are compared with all earlier ones together; of 100,000 these take 205 MB."""


@dataclass(frozen=True)
class Duplicate:
    """A new reference whose closest one has another label, within the threshold.

    Attributes
    ----------
    row
        Which of the new references it is, from 0.
    label
        The label it is to get.
    found_label
        The label of the closest reference.
    reference_id
        The closest reference, 32 hexadecimal digits; empty where it is to be enrolled in the same
        run.
    distance
        Their distance, in units of the gallery's metric, with all digits; see `release`.
    threshold
        The largest distance of a match, in the same units.
    """

    row: int
    label: str
    found_label: str
    reference_id: str
    distance: float
    threshold: float


class DuplicateFinder:
    """Finds duplicates in one gallery, and among what is to be enrolled together.

    A search is sent for each new reference, and the server sees how many there were. It learns
    nothing of what they find, unless that decides what is enrolled: whoever leaves duplicates out
    lets the server count them. That is the owner's choice to make, never made here.

    Parameters
    ----------
    session
        The gallery.
    threshold
        Largest distance of a match.
    """

    def __init__(self, session: GallerySession, threshold: Threshold) -> None:
        self._session = session
        self._threshold = threshold

    def find(
        self,
        references: Sequence[NewReference],
        progress: Progress | None = None,
        manifest: Manifest | None = None,
    ) -> tuple[Duplicate, ...]:
        """Compare new references with the gallery, and each with those before it.

        Parameters
        ----------
        references
            What is to be enrolled.
        progress
            Called with the number of references that were just searched for.
        manifest
            The gallery's, if it was just read.

        Returns
        -------
        tuple of Duplicate
            In the order of their rows. A reference that is closest to one of its own label is none.

        Raises
        ------
        IntegrityError
            If the gallery or the server's answer is not what the owner enrolled.
        """
        if not references:
            return ()
        vectors = np.stack([item.vector for item in references])
        labels = [item.label for item in references]
        entries = (manifest or self._session.manifest()).entries
        nobody = [(np.inf, "", "")] * len(vectors)
        enrolled = self._in_gallery(vectors, progress) if entries else nobody
        alongside = self._in_run(vectors, labels)
        pairs = zip(enrolled, alongside, strict=True)
        closest = [min(pair, key=lambda found: found[0]) for pair in pairs]
        return tuple(
            Duplicate(row, label, other, reference_id, distance, self._threshold.value)
            for row, (label, (distance, other, reference_id)) in enumerate(
                zip(labels, closest, strict=True)
            )
            if distance <= self._threshold.value and other != label
        )

    def _in_gallery(
        self, vectors: Floats, progress: Progress | None
    ) -> list[tuple[float, str, str]]:
        """Return distance, label and identifier of each row's closest reference."""
        found = Searcher(self._session).search(vectors, Wanted(), self._threshold, progress)
        columns = (found.distances, found.labels, found.reference_ids)
        return list(zip(*(column[:, 0].tolist() for column in columns), strict=True))

    def _in_run(self, vectors: Floats, labels: Sequence[str]) -> list[tuple[float, str, str]]:
        """Return distance and label of each row's closest among the rows before it."""
        description = self._session.description
        closest = [(np.inf, "", "")]
        for start in range(1, len(vectors), _ROWS_AT_ONCE):
            rows = np.arange(start, min(start + _ROWS_AT_ONCE, len(vectors)))
            squared = _squared_distances(vectors[rows], vectors[: rows[-1]])
            squared[rows[:, np.newaxis] <= np.arange(rows[-1])] = np.inf
            chosen = squared.argmin(axis=1)
            nearest = squared[np.arange(len(rows)), chosen]
            distances = from_squared(nearest, description.metric, description.norm_bound)
            closest += [(float(d), labels[j], "") for d, j in zip(distances, chosen, strict=True)]
        return closest


def find_among_embeddings(
    session: GallerySession,
    inputs: LabelledEmbeddings,
    threshold: Threshold,
    progress: Progress | None = None,
) -> tuple[Duplicate, ...]:
    """Find duplicates among embeddings that are not enrolled yet.

    Raises
    ------
    IntegrityError
        As `DuplicateFinder.find`.
    """
    references, enroller = inputs.new_references(), Enroller(session)
    tags = [enroller.tag(item) for item in references]
    state = session.state()
    known = find_enrolled(state, tags)
    new = [row for row, tag in enumerate(tags) if tag not in known]
    if progress is not None:
        progress(len(references) - len(new))
    finder = DuplicateFinder(session, threshold)
    among_new = finder.find([references[row] for row in new], progress, state.manifest)
    return tuple(replace(item, row=new[item.row]) for item in among_new)


def _squared_distances(some: Floats, all_before: Floats) -> Floats:
    products: Floats = some @ all_before.T
    squares = (some**2).sum(axis=1)[:, np.newaxis] + (all_before**2).sum(axis=1)
    squared: Floats = np.maximum(squares - 2.0 * products, 0.0)
    return squared

"""The calibration of a threshold: found for a wanted FPIR, on plain embeddings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gallery.accuracy.comparisons import PlainComparison
from gallery.accuracy.datasets import LabelledSet
from gallery.accuracy.fold_searches import FoldSearches
from gallery.accuracy.intervals import support
from gallery.accuracy.open_set import rates_at
from gallery.accuracy.outcomes import Outcomes, OutcomesTally
from gallery.accuracy.rates import (
    ErrorCurve,
    cut,
    error_curve,
    false_positive_rate,
    success_distances,
    thinned,
    threshold_at,
)
from gallery.accuracy.splits import check_split, split
from gallery.arrays import Integers
from gallery.client.progress import ProgressBar
from gallery.client.searching.thresholds import expected_fpir
from gallery.errors import ModelMismatchError, SourceError
from gallery.messages import GalleryDescription

CHANCE = 2.0
"""The factor by which a gallery's expected FPIR may exceed the wanted one without a warning."""


@dataclass(frozen=True)
class Proposal:
    """A threshold, and what to expect of it.

    Attributes
    ----------
    threshold
        In units of the metric, cut to four decimals.
    wanted, fpir, fnir
        The wanted FPIR, and what the threshold does on the data.
    mated, non_mated, comparisons
        Searches and non-mated comparisons that it was found on.
    gallery_size
        References that each search was compared with.
    false_match_rate
        Share of the non-mated comparisons that it accepts; where it accepts none, what the rule of
        three leaves.
    actual_size, expected
        References in the gallery that it is for, and the FPIR to expect there; None for an empty
        one.
    note
        What to keep in mind about the size of the sample.
    """

    threshold: float
    wanted: float
    fpir: float
    fnir: float
    mated: int
    non_mated: int
    comparisons: int
    gallery_size: int
    false_match_rate: float
    actual_size: int
    expected: float | None
    note: str

    @property
    def advice(self) -> float | None:
        """The FPIR to want instead, if the gallery's size makes chance matches likely, else None.

        ``1 - (1 - wanted)**(size of the folds' galleries / size of the gallery)``
        """
        if self.expected is None or self.expected <= CHANCE * self.wanted:
            return None
        exponent = self.gallery_size / self.actual_size
        return float(-np.expm1(exponent * np.log1p(-self.wanted)))


def check_enough(name: str, subjects: Integers, *, fpir: float, folds: int) -> None:
    """Check that a labelled set is large enough, which needs no embedding.

    Parameters
    ----------
    name
        The set's name, for the message.
    subjects
        Number of the subject of each sample, from 0, shape (n,).
    fpir, folds
        As for `propose`.

    Raises
    ------
    SourceError
        If the set cannot be split into so many folds, or is too small for the wanted FPIR.
    """
    check_split(subjects, folds)
    # Each sample is one non-mated search, in the fold in which its subject is a stranger.
    supported, note = support(fpir, len(subjects))
    if not supported:
        raise SourceError(
            f"{name} is too small: an FPIR of {fpir:g} {note}; take photos of more people, or a "
            "larger FPIR"
        )


@dataclass(frozen=True, eq=False)
class ClearSearches:
    """The searches of a labelled set, compared in clear by the definition of a gallery's metric.

    Attributes
    ----------
    outcomes
        What they found.
    gallery_size
        References that each search was compared with.
    """

    outcomes: Outcomes
    gallery_size: int

    def proposal(self, fpir: float, actual_size: int) -> Proposal:
        """Return the largest threshold that keeps a wanted FPIR; see `propose`."""
        outcomes = self.outcomes
        _, note = support(fpir, len(outcomes.nearest))
        threshold = cut(threshold_at(outcomes.nearest, fpir))
        found, missed = rates_at(outcomes, 1, threshold)
        accepted = float(false_positive_rate(outcomes.others, threshold))
        bounded = accepted or 3.0 / len(outcomes.others)
        return Proposal(
            threshold=threshold,
            wanted=fpir,
            fpir=found,
            fnir=missed,
            mated=len(outcomes.mate_ranks),
            non_mated=len(outcomes.nearest),
            comparisons=len(outcomes.others),
            gallery_size=self.gallery_size,
            false_match_rate=bounded,
            actual_size=actual_size,
            expected=expected_fpir(bounded, actual_size) if actual_size else None,
            note=note,
        )

    def curve(self) -> ErrorCurve:
        """Return FPIR and FNIR of the searches against the threshold, at `POINTS` of them."""
        mated = success_distances(self.outcomes.mate_distances, self.outcomes.mate_ranks, 1)
        return thinned(error_curve(mated, self.outcomes.nearest))


def search_in_clear(
    labelled: LabelledSet,
    description: GalleryDescription,
    *,
    fpir: float,
    folds: int,
    seed: int,
    progress: ProgressBar,
) -> ClearSearches:
    """Search with a labelled set in clear; arguments and errors are those of `propose`."""
    stated, model = labelled.preprocessing.model, description.preprocessing.model
    if stated and model and stated != model:
        raise ModelMismatchError(
            f"embeddings of model {stated!r} say nothing about gallery {description.name!r}, which "
            f"holds embeddings of {model!r}"
        )
    check_enough(labelled.name, labelled.subjects, fpir=fpir, folds=folds)
    taken = split(labelled.subjects, folds, seed)
    searches = FoldSearches(taken, labelled.subjects)
    comparison = PlainComparison(labelled.embeddings, searches.references, description)
    tally = OutcomesTally(comparison.largest)
    with progress("comparing in clear", len(labelled.embeddings)) as advance:
        for some, distances in comparison.batches():
            for part in searches.among(some):
                tally.add(part.of(distances), part.mates, part.subjects)
            advance(len(distances))
    return ClearSearches(tally.result(), max(len(fold.references) for fold in taken))


def propose(
    labelled: LabelledSet,
    description: GalleryDescription,
    *,
    fpir: float,
    actual_size: int,
    folds: int,
    seed: int,
    progress: ProgressBar,
) -> Proposal:
    """Find the largest threshold that keeps a wanted FPIR on a labelled set.

    Distances are computed in clear, from embeddings that the owner has, by the definition of the
    gallery's metric. So nothing that was decrypted goes into a threshold that is stored.

    Parameters
    ----------
    labelled
        Embeddings of the gallery's kind.
    description
        The gallery that the threshold is for.
    fpir
        Above 0 and below 1.
    actual_size
        References in that gallery.
    folds, seed
        See `gallery.accuracy.splits.split`.
    progress
        Shows a progress bar with a text and a total; gives what advances it.

    Raises
    ------
    ModelMismatchError
        If the embeddings are of another model than the gallery's.
    SourceError
        If the set cannot be split into so many folds, or is too small for the wanted FPIR.
    DimensionMismatchError, InvalidEmbeddingError
        If the embeddings do not fit the gallery.
    """
    found = search_in_clear(
        labelled, description, fpir=fpir, folds=folds, seed=seed, progress=progress
    )
    return found.proposal(fpir, actual_size)

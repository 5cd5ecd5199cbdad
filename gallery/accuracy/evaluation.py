"""An open-set evaluation: all searches through the encrypted engine, and the same in clear."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gallery.accuracy.comparisons import (
    PlainComparison,
    compare_encrypted,
    temporary_gallery,
)
from gallery.accuracy.datasets import LabelledSet
from gallery.accuracy.fold_searches import FoldSearches
from gallery.accuracy.intervals import Estimate, SubjectBootstrap, rate_estimate
from gallery.accuracy.open_set import DRAWN, Accuracy, measure, plain_values, rates_at
from gallery.accuracy.outcomes import Outcomes, OutcomesTally
from gallery.accuracy.parity import Parity, ParityTally
from gallery.accuracy.private_service import private_service
from gallery.accuracy.rates import cut
from gallery.accuracy.splits import Fold, split
from gallery.accuracy.subject_groups import SubjectTally
from gallery.arrays import Floats, Integers
from gallery.backends import Backend
from gallery.client import GalleryKey
from gallery.client.photos.model_table import MODELS
from gallery.client.progress import ProgressBar
from gallery.distances import Metric
from gallery.messages import GalleryDescription
from gallery.parameters import DEFAULT_PARAMETERS, ParameterSet

FPIRS = (0.001, 0.003, 0.01, 0.1)
"""False positive identification rates that NIST's reports tabulate."""


@dataclass(frozen=True)
class Options:
    """The settings of an evaluation.

    Attributes
    ----------
    metric, parameters
        Distance and parameter set.
    folds, seed
        See `gallery.accuracy.splits.split`; the seed also is the bootstrap's.
    fpirs
        Wanted FPIRs, each above 0 and below 1.
    rank
        Within how many candidates a mate must be for its search to succeed.
    backend
        Name of the backend that encrypts, decrypts and compares.
    """

    metric: Metric = Metric.COSINE
    parameters: ParameterSet = DEFAULT_PARAMETERS
    folds: int = 5
    seed: int = 0
    fpirs: tuple[float, ...] = FPIRS
    rank: int = 1
    backend: str = Backend.NATIVE


@dataclass(frozen=True)
class StockThreshold:
    """DeepFace's threshold for the model and metric, and what it does here."""

    value: float
    fpir: float
    fnir: float


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The results of an evaluation.

    Attributes
    ----------
    labelled, options
        On what, and how.
    gallery_sizes
        References in the gallery of each fold.
    outcomes
        All searches through the encrypted engine.
    accuracy
        Its accuracy.
    failure_to_enroll
        Share of photos that gave no embedding; None for ready embeddings.
    parity
        The comparison with the same searches in clear.
    stock
        DeepFace's threshold, where the model is known.
    engine_seconds, plain_seconds
        Time that enrolling and searching took through the engine, beside what was done in clear in
        the meantime, and comparing in clear.
    """

    labelled: LabelledSet
    options: Options
    gallery_sizes: tuple[int, ...]
    outcomes: Outcomes
    accuracy: Accuracy
    failure_to_enroll: Estimate
    parity: Parity
    stock: StockThreshold | None
    engine_seconds: float
    plain_seconds: float

    @property
    def gallery_size(self) -> int:
        """References in the largest of the folds' galleries, which differ by one at most."""
        return max(self.gallery_sizes)


def evaluate(labelled: LabelledSet, options: Options, progress: ProgressBar) -> Evaluation:
    """Evaluate on a labelled set.

    The key is made for this and never written; the database lies in a private temporary folder.
    Both are gone at the end, so that all digits of distances may be used: the noise of encryptions
    helps nobody who has neither the ciphertexts nor anything else under their key.

    Parameters
    ----------
    labelled
        Embeddings of at least as many people as there are folds.
    options
        How.
    progress
        Shows a progress bar with a text and a total; gives what advances it.

    Raises
    ------
    SourceError
        If the set cannot be split into so many folds.
    InvalidEmbeddingError
        If an embedding is NaN, infinite or zero.
    IntegrityError
        If the engine's answer is not what was enrolled.
    """
    folds = split(labelled.subjects, options.folds, options.seed)
    key = GalleryKey.generate()
    with (
        private_service(options.backend) as service,
        temporary_gallery(
            service, key, labelled, options.metric, options.parameters, options.backend
        ) as client,
    ):
        tallies = _Tallies(labelled, folds, client.description)
        started = time.perf_counter()
        compare_encrypted(
            client, labelled.embeddings, tallies.references, tallies.receive, progress
        )
        seconds = time.perf_counter() - started - tallies.seconds
    outcomes, plain = tallies.encrypted.result(), tallies.plain.result()
    sizes = [len(fold.references) for fold in folds]
    with progress("estimating intervals", DRAWN) as advance:
        accuracy = measure(
            outcomes,
            tallies.groups.result(outcomes.mate_distances, outcomes.mated_subjects),
            gallery_size=min(sizes),
            rank=options.rank,
            rates=options.fpirs,
            subjects=labelled.subject_count,
            seed=options.seed,
            progress=advance,
        )
    stock = _stock(labelled, outcomes, options)
    thresholds = [cut(item.value) for item in accuracy.threshold.values() if item.value]
    if stock is not None:
        thresholds.append(stock.value)
    return Evaluation(
        labelled=labelled,
        options=options,
        gallery_sizes=tuple(sizes),
        outcomes=outcomes,
        accuracy=accuracy,
        failure_to_enroll=failure_to_enroll(labelled, options.seed),
        parity=tallies.parity.result(thresholds, _changes(outcomes, plain, options)),
        stock=stock,
        engine_seconds=seconds,
        plain_seconds=tallies.plain_seconds,
    )


class _Tallies:
    """The tallies of distances: those through the engine, and the same in clear."""

    def __init__(
        self, labelled: LabelledSet, folds: Sequence[Fold], description: GalleryDescription
    ) -> None:
        self._searches = FoldSearches(folds, labelled.subjects)
        comparison = PlainComparison(labelled.embeddings, self.references, description)
        largest = comparison.largest
        self._comparison = comparison
        self.encrypted, self.plain = OutcomesTally(largest), OutcomesTally(largest)
        mates = np.concatenate([comparison.mate_distances(fold) for fold in folds])
        self.groups = SubjectTally(labelled.subject_count, largest, mates)
        self.parity = ParityTally(description)
        self.seconds = self.plain_seconds = 0.0

    @property
    def references(self) -> Integers:
        """The rows that are enrolled in any fold."""
        return self._searches.references

    def receive(self, some: slice, encrypted: Floats) -> None:
        """Take in the decrypted distances of some rows to the references."""
        started = time.perf_counter()
        plain = self._comparison.distances(some)
        self.plain_seconds += time.perf_counter() - started
        for part in self._searches.among(some):
            found, wanted = part.of(encrypted), part.of(plain)
            self.encrypted.add(found, part.mates, part.subjects)
            self.groups.add(found, part.mates, part.subjects)
            self.plain.add(wanted, part.mates, part.subjects)
            self.parity.add(found, wanted)
        self.seconds += time.perf_counter() - started


def failure_to_enroll(labelled: LabelledSet, seed: int) -> Estimate:
    """Return the share of photos that gave no embedding, with its interval."""
    attempts = labelled.attempts
    if attempts is None:
        return Estimate(None, note="ready embeddings: a file does not hold the photos that failed")
    people = int(attempts.subjects.max()) + 1

    def share(weights: Integers) -> Floats:
        drawn = weights[attempts.subjects]
        return np.array([drawn[attempts.failed].sum() / max(1, drawn.sum())])

    low, high = SubjectBootstrap(people, seed).intervals(share)
    return rate_estimate(float(attempts.failed.mean()), low[0], high[0], people)


def _stock(labelled: LabelledSet, outcomes: Outcomes, options: Options) -> StockThreshold | None:
    model = MODELS.get(labelled.preprocessing.model)
    if model is None:
        return None
    value = float(model.thresholds[options.metric])
    return StockThreshold(value, *rates_at(outcomes, options.rank, value))


def _changes(encrypted: Outcomes, plain: Outcomes, options: Options) -> dict[str, float]:
    before = plain_values(plain, options.rank, options.fpirs)
    after = plain_values(encrypted, options.rank, options.fpirs)
    return {name: after[name] - value for name, value in before.items()}

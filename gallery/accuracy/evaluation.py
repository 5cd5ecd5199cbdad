"""An open-set evaluation: all searches through the encrypted engine, and the same in clear."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from gallery.accuracy.comparisons import (
    encrypted_distances,
    plain_distances,
    private_service,
    temporary_gallery,
)
from gallery.accuracy.datasets import LabelledSet
from gallery.accuracy.intervals import Estimate, SubjectBootstrap, rate_estimate
from gallery.accuracy.open_set import Accuracy, measure, plain_values, rates_at
from gallery.accuracy.outcomes import Outcomes, merged, outcomes_of
from gallery.accuracy.parity import Parity, ParityTally
from gallery.accuracy.splits import Fold, split
from gallery.arrays import Floats, Integers
from gallery.backends import Backend
from gallery.client import GalleryClient, GalleryKey
from gallery.client.photos.model_table import MODELS
from gallery.client.searching.release import DECIMALS
from gallery.distances import Metric
from gallery.parameters import DEFAULT_PARAMETERS, ParameterSet

ProgressBar = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]

FPIRS = (0.001, 0.003, 0.01, 0.1)
"""False positive identification rates that NIST's reports tabulate."""


@dataclass(frozen=True)
class Options:
    """How to evaluate.

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
        What encrypts, decrypts and compares.
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
    """What an evaluation found.

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
        Time that enrolling and searching took through the engine, and comparing in clear.
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
    run = _Run(labelled, options)
    total = sum(len(fold.probes) for fold in folds)
    with (
        private_service(options.backend) as service,
        progress("searching the encrypted gallery", total) as advance,
    ):
        key = GalleryKey.generate()
        for fold in folds:
            with temporary_gallery(
                service, key, labelled, options.metric, options.parameters, options.backend
            ) as client:
                run.add(client, fold, advance)
    return run.result([len(fold.references) for fold in folds])


class _Run:
    """Collects what the folds show."""

    def __init__(self, labelled: LabelledSet, options: Options) -> None:
        self._labelled, self._options = labelled, options
        self._encrypted: list[Outcomes] = []
        self._plain: list[Outcomes] = []
        self._parity: ParityTally | None = None
        self._engine_seconds = self._plain_seconds = 0.0

    def add(self, client: GalleryClient, fold: Fold, advance: Callable[[int], None]) -> None:
        embeddings, subjects = self._labelled.embeddings, self._labelled.subjects
        started = time.perf_counter()
        encrypted = encrypted_distances(client, embeddings, fold, advance)
        between = time.perf_counter()
        plain = plain_distances(embeddings, fold, client.description)
        self._plain_seconds += time.perf_counter() - between
        self._engine_seconds += between - started
        self._encrypted.append(outcomes_of(encrypted, fold, subjects))
        self._plain.append(outcomes_of(plain, fold, subjects))
        self._parity = self._parity or ParityTally(client.description)
        self._parity.add(encrypted, plain)

    def result(self, sizes: list[int]) -> Evaluation:
        labelled, options = self._labelled, self._options
        outcomes, plain = merged(self._encrypted), merged(self._plain)
        accuracy = measure(
            outcomes,
            gallery_size=min(sizes),
            rank=options.rank,
            rates=options.fpirs,
            subjects=labelled.subject_count,
            seed=options.seed,
        )
        stock = _stock(labelled, outcomes, options)
        thresholds = [cut(item.value) for item in accuracy.threshold.values() if item.value]
        if stock is not None:
            thresholds.append(stock.value)
        assert self._parity is not None, "there are at least two folds"
        return Evaluation(
            labelled=labelled,
            options=options,
            gallery_sizes=tuple(sizes),
            outcomes=outcomes,
            accuracy=accuracy,
            failure_to_enroll=failure_to_enroll(labelled, options.seed),
            parity=self._parity.result(thresholds, _changes(outcomes, plain, options)),
            stock=stock,
            engine_seconds=self._engine_seconds,
            plain_seconds=self._plain_seconds,
        )


def cut(threshold: float) -> float:
    """Return a threshold cut to as many decimals as distances are released with.

    Downwards, so that no more searches match than did before; and so that it lies beside the
    distance that it was found on and not at its very edge.
    """
    return max(0.0, float(np.floor(threshold * 10.0**DECIMALS) / 10.0**DECIMALS))


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

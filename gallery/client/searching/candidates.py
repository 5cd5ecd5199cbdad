"""Candidate lists of a search, and the decisions on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gallery.arrays import Floats, Integers
from gallery.client.integrity.person_details import NO_DETAILS
from gallery.client.searching.thresholds import Threshold
from gallery.distances import Metric


@dataclass(frozen=True, eq=False)
class Identification:
    """Candidate lists and decisions of a batch of n probes.

    Attributes
    ----------
    distances
        float64, shape (n, k), in units of the metric, ascending as far as distances can be told
        apart: those within the error of the parameter set are in an order that no noise decides.
        Infinite where the gallery has fewer than k references.
    reference_ids
        Strings of 32 hexadecimal digits, shape (n, k); empty where there is no candidate.
    labels
        Strings, shape (n, k); empty where there is no candidate.
    decisions
        bool, shape (n,): True for a match, that is, the first distance is at most the threshold,
        and the first candidate has not expired.
    ambiguous
        bool, shape (n,): True for a match that a reference of a second subject could be as well: it
        is within the threshold too, or cannot be told from the first candidate.
    second_labels, second_distances
        Label and distance of the closest such subject, shape (n,); empty and infinite without one.
    searched
        int64, shape (n,): references that each probe was compared with.
    limit
        The threshold, and where it comes from.
    metric
        The gallery's metric.
    signed
        When the owner signed the state that was searched, seconds since 1970 UTC, the earliest if
        there were several; None if an earlier version of this program did, which signed no date.
    age
        The seconds since then, by the clock of this machine; None if there is no date.
    details
        `PersonDetails`, shape (n, k): attributes and expiry of each candidate.
    expired
        bool, shape (n, k): candidates who had expired at the time of the search, by the clock of
        this machine. They are listed, so that it is seen who was there, and are no match: where the
        first candidate has expired, nobody else is taken for the one who is meant.
    """

    distances: Floats
    reference_ids: npt.NDArray[np.str_]
    labels: npt.NDArray[np.str_]
    decisions: npt.NDArray[np.bool_]
    ambiguous: npt.NDArray[np.bool_]
    second_labels: npt.NDArray[np.str_]
    second_distances: Floats
    searched: Integers
    limit: Threshold
    metric: Metric
    signed: int | None = None
    age: int | None = None
    details: npt.NDArray[np.object_] = field(default_factory=lambda: np.empty(0, np.object_))
    expired: npt.NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))

    def __post_init__(self) -> None:
        # Of nobody anything is known, unless it is stated.
        shape = self.distances.shape
        if self.details.shape != shape:
            object.__setattr__(self, "details", np.full(shape, NO_DETAILS, np.object_))
        if self.expired.shape != shape:
            object.__setattr__(self, "expired", np.zeros(shape, np.bool_))

    @property
    def refused(self) -> npt.NDArray[np.bool_]:
        """bool, shape (n,): True where the first candidate would match, but has expired."""
        refused: npt.NDArray[np.bool_] = self.expired[:, 0] & (
            self.distances[:, 0] <= self.threshold
        )
        return refused

    @property
    def threshold(self) -> float:
        """The threshold in units of the metric."""
        return self.limit.value

    def __len__(self) -> int:
        return len(self.decisions)

    @classmethod
    def empty(cls, k: int, threshold: Threshold, metric: Metric) -> Identification:
        """Return that of no probes."""
        return cls(
            distances=np.empty((0, k)),
            reference_ids=np.empty((0, k), dtype="U32"),
            labels=np.empty((0, k), dtype=np.str_),
            decisions=np.empty(0, dtype=np.bool_),
            ambiguous=np.empty(0, dtype=np.bool_),
            second_labels=np.empty(0, dtype=np.str_),
            second_distances=np.empty(0),
            searched=np.empty(0, dtype=np.int64),
            limit=threshold,
            metric=metric,
        )

    def spread(self, places: Sequence[int], count: int) -> Identification:
        """Return one of ``count`` probes with these rows at their places, and others empty.

        An empty row is a non-match without candidates that was compared with nothing.
        """
        at = np.array(places, dtype=np.intp)

        def put(values: npt.NDArray[Any], blank: object) -> npt.NDArray[Any]:
            whole = np.full((count, *values.shape[1:]), blank, dtype=values.dtype)
            whole[at] = values
            return whole

        return replace(
            self,
            distances=put(self.distances, np.inf),
            reference_ids=put(self.reference_ids, ""),
            labels=put(self.labels, ""),
            decisions=put(self.decisions, False),
            ambiguous=put(self.ambiguous, False),
            second_labels=put(self.second_labels, ""),
            second_distances=put(self.second_distances, np.inf),
            searched=put(self.searched, 0),
            details=put(self.details, NO_DETAILS),
            expired=put(self.expired, False),
        )


@dataclass(frozen=True, eq=False)
class CandidateRows:
    """Candidate lists as they come out of one search, before decisions are taken.

    Attributes
    ----------
    squared
        Squared distances of vectors of norm at most 1, float64, shape (n, k), padded with infinity.
    reference_ids, labels
        Strings, shape (n, k), padded with empty ones.
    second_squared, second_labels
        Squared distance and label of the closest reference of a second subject that could be meant,
        shape (n,); infinite and empty without one.
    searched
        References that the probes were compared with.
    details
        `PersonDetails` of the candidates, shape (n, k), padded with `NO_DETAILS`.
    """

    squared: Floats
    reference_ids: npt.NDArray[np.str_]
    labels: npt.NDArray[np.str_]
    second_squared: Floats
    second_labels: npt.NDArray[np.str_]
    searched: int
    details: npt.NDArray[np.object_]

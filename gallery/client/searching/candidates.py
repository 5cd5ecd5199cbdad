"""Candidate lists: the closest references of each probe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gallery.arrays import Floats
from gallery.distances import Metric

Places = npt.NDArray[np.int64]
"""Places of a gallery, as one number each: the block index above, the position below 32 bits."""

NOWHERE: Final = np.int64(-1)
"""The place of a candidate that is not there."""

_BLOCK = 2**32
_MERGED_AT_ONCE = 2**20
"""Candidates that wait before they are sorted into the lists; 24 bytes each."""


@dataclass(frozen=True, eq=False)
class Identification:
    """Candidate lists and decisions of a batch of n probes.

    Attributes
    ----------
    distances
        float64, shape (n, k), in units of the metric, ascending; infinite where the gallery has
        fewer than k references.
    reference_ids
        Strings of 32 hexadecimal digits, shape (n, k); empty where there is no candidate.
    labels
        Strings, shape (n, k); empty where there is no candidate.
    decisions
        bool, shape (n,): True for a match, that is, the first distance is at most the threshold.
    searched
        int64, shape (n,): references that each probe was compared with.
    threshold
        In units of the metric.
    metric
        The gallery's metric.
    signed
        When the owner signed the state that was searched, seconds since 1970 UTC, the earliest if
        there were several; None if an earlier version of this program did, which signed no date.
    age
        The seconds since then, by the clock of this machine; None if there is no date.
    """

    distances: Floats
    reference_ids: npt.NDArray[np.str_]
    labels: npt.NDArray[np.str_]
    decisions: npt.NDArray[np.bool_]
    searched: npt.NDArray[np.int64]
    threshold: float
    metric: Metric
    signed: int | None = None
    age: int | None = None

    def __len__(self) -> int:
        return len(self.decisions)

    @classmethod
    def empty(cls, k: int, threshold: float, metric: Metric) -> Identification:
        """Return that of no probes."""
        return cls(
            distances=np.empty((0, k)),
            reference_ids=np.empty((0, k), dtype="U32"),
            labels=np.empty((0, k), dtype=np.str_),
            decisions=np.empty(0, dtype=np.bool_),
            searched=np.empty(0, dtype=np.int64),
            threshold=threshold,
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
            searched=put(self.searched, 0),
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
    searched
        References that the probes were compared with.
    """

    squared: Floats
    reference_ids: npt.NDArray[np.str_]
    labels: npt.NDArray[np.str_]
    searched: int


class Rankings:
    """The k closest positions of each of n probes among the blocks seen so far.

    Parameters
    ----------
    count
        Number of probes, n.
    k
        Length of the candidate lists.
    """

    def __init__(self, count: int, k: int) -> None:
        self._k = k
        self._squared: Floats = np.full((count, k), np.inf)
        self._places = np.full((count, k), NOWHERE)
        self._pending: list[tuple[Places, Floats, Places]] = []
        self._room = max(_MERGED_AT_ONCE, count * k)

    def add(self, squared: Floats, positions: npt.NDArray[np.intp], block_index: int) -> None:
        """Take in the distances of a block's occupied positions.

        Parameters
        ----------
        squared
            Squared distances of all probes, shape (n, m).
        positions
            The positions, ascending, shape (m,).
        block_index
            The block; blocks come in ascending order.
        """
        # Of equally close ones the first places stay, so later ones must be closer than the k-th.
        chosen = squared < self._squared[:, -1:]
        if len(positions) > self._k:
            # All that tie with the block's own k-th stay, so that the merge decides by position.
            chosen &= squared <= np.partition(squared, self._k - 1, axis=1)[:, self._k - 1, None]
        rows, columns = np.nonzero(chosen)
        places = block_index * _BLOCK + positions[columns].astype(np.int64)
        self._pending.append((rows, squared[rows, columns], places))
        self._room -= len(rows)
        if self._room < 0:
            self._merge()

    def squared(self) -> Floats:
        """Return squared distances, ascending, padded with infinity; shape (n, k)."""
        self._merge()
        return self._squared

    def places(self) -> Places:
        """Return where they are, see `split`; `NOWHERE` as padding; shape (n, k)."""
        self._merge()
        return self._places

    def _merge(self) -> None:
        """Merge what is pending into the lists; ties keep the order of places."""
        count, k = self._squared.shape
        own = np.repeat(np.arange(count), k), self._squared.ravel(), self._places.ravel()
        rows, squared, places = map(np.concatenate, zip(own, *self._pending, strict=True))
        order = np.lexsort((squared, rows))
        rows, starts = rows[order], np.searchsorted(rows[order], np.arange(count))
        order = order[np.arange(len(rows)) - starts[rows] < k]
        self._squared = squared[order].reshape(count, k)
        self._places = places[order].reshape(count, k)
        self._pending.clear()
        self._room = max(_MERGED_AT_ONCE, count * k)


def split(places: Places) -> list[tuple[int, int]]:
    """Return the block index and the position of each of the places; -1 as index of `NOWHERE`."""
    indices, positions = np.divmod(places, _BLOCK)
    return list(zip(indices.tolist(), positions.tolist(), strict=True))

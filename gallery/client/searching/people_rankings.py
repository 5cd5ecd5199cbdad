"""Rankings of people: the k people of each probe whose closest references are the closest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gallery.arrays import Floats
from gallery.client.searching.rankings import NOWHERE, Places, Subjects, Ties, places_of

_MERGED_AT_ONCE = 2**20
"""Candidates that wait before they are sorted into the lists; 32 bytes each."""


@dataclass(frozen=True, eq=False)
class _Candidates:
    """References in one table, sorted by probe and squared distance.

    Attributes
    ----------
    rows
        Number of the probe of each.
    squared, places, subjects
        Squared distance, place and subject of each.
    """

    rows: npt.NDArray[np.intp]
    squared: Floats
    places: Places
    subjects: Subjects

    @classmethod
    def none(cls) -> _Candidates:
        return cls(np.empty(0, np.intp), np.empty(0), np.empty(0, np.int64), np.empty(0, np.uint64))

    @classmethod
    def merged(cls, parts: Sequence[_Candidates]) -> _Candidates:
        """Return all together, sorted; equal distances in the order of places."""
        rows = np.concatenate([part.rows for part in parts])
        squared = np.concatenate([part.squared for part in parts])
        places = np.concatenate([part.places for part in parts])
        subjects = np.concatenate([part.subjects for part in parts])
        return cls(rows, squared, places, subjects).take(np.lexsort((places, squared, rows)))

    def take(self, numbers: npt.NDArray[np.intp]) -> _Candidates:
        """Return some of them."""
        return _Candidates(
            self.rows[numbers], self.squared[numbers], self.places[numbers], self.subjects[numbers]
        )

    def closest(self) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Return the numbers of each probe's and subject's closest, ascending, and whose each is.

        The second has for each candidate the index, in the first, of its subject's closest.
        """
        # Sorted by probe, subject and distance, the first of each run is a subject's closest.
        order = np.lexsort((self.squared, self.subjects, self.rows))
        rows, subjects = self.rows[order], self.subjects[order]
        first = np.ones(len(order), dtype=bool)
        first[1:] = (rows[1:] != rows[:-1]) | (subjects[1:] != subjects[:-1])
        heads = order[first]
        # The heads are to ascend: `index` has the place of each run's head among them, and each
        # candidate gets that of its own run, whose number is the count of heads up to it.
        by_number = np.argsort(heads)
        index = np.empty(len(heads), np.intp)
        index[by_number] = np.arange(len(heads))
        whose = np.empty(len(order), np.intp)
        whose[order] = index[np.cumsum(first) - 1]
        return heads[by_number], whose


class PeopleRankings:
    """The k closest people of each of n probes among the blocks seen so far.

    A person's distance is that of the closest reference. Of its references those are kept that
    cannot be told from that one, so that the rule for ties decides, and not noise, which is listed.

    Parameters
    ----------
    count
        Number of probes, n.
    k
        Length of the candidate lists.
    ties
        The rule for distances that cannot be told apart.
    subjects_of
        Gives the subjects of a block's references, by position, shape (m,).
    """

    def __init__(
        self, count: int, k: int, ties: Ties, subjects_of: Callable[[int], Subjects]
    ) -> None:
        self._count, self._k, self._ties, self._subjects_of = count, k, ties, subjects_of
        self._farthest: Floats = np.full((count, 1), np.inf)
        """Squared distance of the k-th person of each probe so far."""
        self._kept = _Candidates.none()
        self._pending: list[_Candidates] = []
        self._room = _MERGED_AT_ONCE

    def add(self, squared: Floats, positions: npt.NDArray[np.intp], block_index: int) -> None:
        """Take in the distances of a block's occupied positions; see `Rankings.add`."""
        chosen = squared <= self._farthest + self._ties.margin
        if not chosen.any():
            return
        subjects = self._subjects_of(block_index)
        # Sorting a block by subject pays only where its own k-th people leave much of it out.
        if np.count_nonzero(chosen) > 8 * self._k * self._count:
            chosen &= squared <= self._within_block(squared, subjects) + self._ties.margin
        rows, columns = np.nonzero(chosen)
        found = _Candidates(
            rows,
            squared[rows, columns],
            places_of(block_index, positions[columns]),
            subjects[columns],
        )
        self._pending.append(found)
        self._room -= len(rows)
        if self._room < 0 or np.isinf(self._farthest).any():
            self._merge()

    def lists(self) -> tuple[Floats, Places]:
        """Return lists as `Rankings.lists` does, with the closest reference of each person."""
        self._merge()
        squared = np.full((self._count, self._k), np.inf)
        places = np.full((self._count, self._k), NOWHERE)
        bounds = np.searchsorted(self._kept.rows, np.arange(self._count + 1))
        for row in range(self._count):
            own = self._kept.take(np.arange(bounds[row], bounds[row + 1]))
            order = self._ties.order(own.squared, own.places)
            _, first = np.unique(own.subjects[order], return_index=True)
            listed = order[np.sort(first)][: self._k]
            squared[row, : len(listed)] = own.squared[listed]
            places[row, : len(listed)] = own.places[listed]
        return squared, places

    def _within_block(self, squared: Floats, subjects: Subjects) -> Floats:
        """Return the squared distance of each probe's k-th person of a block, shape (n, 1)."""
        order = np.argsort(subjects, kind="stable")
        _, starts = np.unique(subjects[order], return_index=True)
        if len(starts) <= self._k:
            return np.full((self._count, 1), np.inf)
        # The least distance of each run of columns, which is one subject's: shape (n, subjects).
        closest = np.minimum.reduceat(squared[:, order], starts, axis=1)
        return np.partition(closest, self._k - 1, axis=1)[:, self._k - 1, None]

    def _merge(self) -> None:
        """Merge what is pending, and keep what can still be among the first k."""
        merged = _Candidates.merged([self._kept, *self._pending])
        self._pending.clear()
        heads, whose = merged.closest()
        nearest = merged.squared[heads]
        starts = np.searchsorted(merged.rows[heads], np.arange(self._count + 1))
        full = starts[:-1] + self._k <= starts[1:]
        # The heads of a probe ascend by distance, since all candidates do: the k-th is the bound.
        self._farthest[full, 0] = nearest[starts[:-1][full] + self._k - 1]
        margin = self._ties.margin
        kept = nearest[whose] <= self._farthest[merged.rows, 0] + margin
        kept &= merged.squared <= nearest[whose] + margin
        self._kept = merged.take(np.flatnonzero(kept))
        self._room = _MERGED_AT_ONCE

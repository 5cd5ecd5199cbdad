"""Rankings: the closest references of each probe, and the closest of a second subject."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from gallery.arrays import Floats, Integers

Places = Integers
"""Places of a gallery, as one number each: the block index above, the position below 32 bits."""

Subjects = npt.NDArray[np.uint64]
"""Subjects by number: the first eight bytes of the keyed hash of each one's label."""

NOWHERE: Final = np.int64(-1)
"""The place of a candidate that is not there."""

_BLOCK = 2**32
_MERGED_AT_ONCE = 2**20
"""Candidates that wait before they are sorted into the lists; 24 bytes each."""


@dataclass(frozen=True)
class Ties:
    """The rule for distances that cannot be told apart.

    References whose distances differ by no more than their errors can are ordered by subject and
    place, which noise does not change: so it is not noise that picks a name.

    Attributes
    ----------
    margin
        How far two squared distances that are equal can come apart through their errors.
    limit
        Largest squared distance of a match. Matches come before non-matches.
    subjects
        Gives the subjects at places, shape (n,).
    """

    margin: float
    limit: float
    subjects: Callable[[Places], Subjects]

    def order(self, squared: Floats, places: Places) -> npt.NDArray[np.intp]:
        """Return the order of the candidates of one probe, whose distances ascend.

        A group of ties begins at the closest that is in no group yet and holds all within the
        margin of it. Chains of neighbours make no larger group: in a large gallery the whole of it
        would be one.
        """
        order, start = np.arange(len(squared)), 0
        # Only neighbours within the margin can begin a group; all others are in order already.
        for number in np.flatnonzero(np.diff(squared) <= self.margin).tolist():
            if number < start:
                continue
            start = int(np.searchsorted(squared, squared[number] + self.margin, "right"))
            if squared[number] <= self.limit:  # matches and non-matches make no common group
                start = min(start, int(np.searchsorted(squared, self.limit, "right")))
            tied = places[number:start]
            # By subject, then by place: the last key of `lexsort` is the first to count.
            order[number:start] = number + np.lexsort((tied, self.subjects(tied)))
        return order


@dataclass(frozen=True, eq=False)
class _Entries:
    """Candidates of all probes in one table, sorted by probe and squared distance.

    Attributes
    ----------
    rows
        Number of the probe of each.
    squared, places
        Squared distance and place of each.
    """

    rows: npt.NDArray[np.intp]
    squared: Floats
    places: Places

    @classmethod
    def none(cls) -> _Entries:
        return cls(np.empty(0, np.intp), np.empty(0), np.empty(0, np.int64))

    @classmethod
    def chosen(
        cls,
        squared: Floats,
        chosen: npt.NDArray[np.bool_],
        positions: npt.NDArray[np.intp],
        block_index: int,
    ) -> _Entries:
        """Return those of a block that were chosen, shape (n, m), not sorted yet."""
        rows, columns = np.nonzero(chosen)
        places = places_of(block_index, positions[columns])
        return cls(rows, squared[rows, columns], places)

    @classmethod
    def merged(cls, parts: Sequence[_Entries]) -> _Entries:
        """Return all together, sorted; equal distances in the order of places."""
        rows = np.concatenate([part.rows for part in parts])
        squared = np.concatenate([part.squared for part in parts])
        places = np.concatenate([part.places for part in parts])
        return cls(rows, squared, places).take(np.lexsort((places, squared, rows)))

    def take(self, numbers: npt.NDArray[np.intp]) -> _Entries:
        """Return some of them."""
        return _Entries(self.rows[numbers], self.squared[numbers], self.places[numbers])

    def bounds(self) -> list[tuple[int, int, int]]:
        """Return each probe that has any, with the bounds of its entries."""
        found, starts = np.unique(self.rows, return_index=True)
        stops = np.append(starts, len(self.rows))[1:]
        return list(zip(found.tolist(), starts.tolist(), stops.tolist(), strict=True))


class Rankings:
    """The k closest positions of each of n probes among the blocks seen so far.

    Parameters
    ----------
    count
        Number of probes, n.
    k
        Length of the candidate lists.
    ties
        The rule for distances that cannot be told apart.
    """

    def __init__(self, count: int, k: int, ties: Ties) -> None:
        self._count, self._k, self._ties = count, k, ties
        self._farthest: Floats = np.full((count, 1), np.inf)
        """Squared distance of the k-th of each probe so far."""
        self._entries = _Entries.none()
        self._pending: list[_Entries] = []
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
        margin = self._ties.margin
        # All that can tie with the k-th stay, so that the rule decides and not the noise.
        chosen = squared <= self._farthest + margin
        if len(positions) > self._k:
            # The k-th closest position of this block alone, of each probe: shape (n, 1).
            own = np.partition(squared, self._k - 1, axis=1)[:, self._k - 1, None]
            chosen &= squared <= own + margin
        found = _Entries.chosen(squared, chosen, positions, block_index)
        self._pending.append(found)
        self._room -= len(found.rows)
        if self._room < 0:
            self._merge()

    def lists(self) -> tuple[Floats, Places]:
        """Return squared distances, padded with infinity, and places, padded with `NOWHERE`.

        Both have the shape (n, k); places are as `split` takes them.
        """
        self._merge()
        squared = np.full((self._count, self._k), np.inf)
        places = np.full((self._count, self._k), NOWHERE)
        for row, start, stop in self._entries.bounds():
            distances = self._entries.squared[start:stop]
            found = self._entries.places[start:stop]
            order = self._ties.order(distances, found)[: self._k]
            squared[row, : len(order)] = distances[order]
            places[row, : len(order)] = found[order]
        return squared, places

    def _merge(self) -> None:
        """Merge what is pending into the lists, and keep what can still be among the first k."""
        merged = _Entries.merged([self._entries, *self._pending])
        self._pending.clear()
        # Entries are sorted by probe: those of each lie between its start and the next one's. The
        # k-th of them, if there are so many, bounds what can still be listed.
        starts = np.searchsorted(merged.rows, np.arange(self._count))
        last = starts + self._k - 1
        full = last < np.append(starts[1:], len(merged.rows))
        self._farthest[full, 0] = merged.squared[last[full]]
        kept = merged.squared <= self._farthest[merged.rows, 0] + self._ties.margin
        self._entries = merged.take(np.flatnonzero(kept))
        self._room = max(_MERGED_AT_ONCE, self._count * self._k)


class SubjectRankings:
    """The closest subjects of each of n probes, of those that a match could mean.

    Parameters
    ----------
    count
        Number of probes, n.
    ties
        The rule for distances that cannot be told apart.
    """

    def __init__(self, count: int, ties: Ties) -> None:
        self._count, self._ties = count, ties
        self._farthest: Floats = np.full((count, 1), ties.limit)
        """Squared distance up to which another subject counts, of each probe."""
        self._entries = _Entries.none()

    def add(self, squared: Floats, positions: npt.NDArray[np.intp], block_index: int) -> None:
        """Take in the distances of a block's occupied positions; see `Rankings.add`."""
        near = squared <= self._farthest + self._ties.margin
        if not near.any():
            return
        found = _Entries.chosen(squared, near, positions, block_index)
        merged = _Entries.merged([self._entries, found])
        # The closest of each subject: sorted by probe and subject, and by number, since the entries
        # of a probe ascend, the first of each run is kept.
        subjects = self._ties.subjects(merged.places)
        numbers = np.lexsort((np.arange(len(subjects)), subjects, merged.rows))
        keys = merged.rows[numbers], subjects[numbers]
        first = np.ones(len(numbers), dtype=bool)
        first[1:] = (keys[0][1:] != keys[0][:-1]) | (keys[1][1:] != keys[1][:-1])
        merged = merged.take(np.sort(numbers[first]))
        # The second subject of each probe, if there is one, bounds what can still be second.
        starts = np.searchsorted(merged.rows, np.arange(self._count))
        full = starts + 1 < np.append(starts[1:], len(merged.rows))
        second = merged.squared[starts[full] + 1]
        self._farthest[full, 0] = np.minimum(self._farthest[full, 0], second)
        kept = merged.squared <= self._farthest[merged.rows, 0] + self._ties.margin
        self._entries = merged.take(np.flatnonzero(kept))

    def seconds(self, firsts: Places) -> tuple[Floats, Places]:
        """Return squared distance and place of the closest of a second subject, of each probe.

        Parameters
        ----------
        firsts
            Places of the first candidates, shape (n,).

        Returns
        -------
        squared, places
            Shape (n,); infinity and `NOWHERE` where there is none within the threshold, nor within
            the margin of the closest, or where that does not match.
        """
        squared, places = np.full(self._count, np.inf), np.full(self._count, NOWHERE)
        for row, start, stop in self._entries.bounds():
            distances = self._entries.squared[start:stop]
            if distances[0] > self._ties.limit:
                continue
            reach = max(self._ties.limit, distances[0] + self._ties.margin)
            found = self._entries.places[start:stop]
            first = self._ties.subjects(firsts[row : row + 1])
            for number in self._ties.order(distances, found).tolist():
                other = self._ties.subjects(found[number : number + 1]) != first
                if distances[number] <= reach and other.all():
                    squared[row], places[row] = distances[number], found[number]
                    break
        return squared, places


def places_of(block_index: int, positions: npt.NDArray[np.intp]) -> Places:
    """Return the places of positions of a block."""
    return block_index * _BLOCK + positions.astype(np.int64)


def block_and_position(places: Places) -> tuple[Places, Places]:
    """Return the block indices and the positions of places; -1 as index of `NOWHERE`."""
    return np.divmod(places, _BLOCK)


def split(places: Places) -> list[tuple[int, int]]:
    """Return the block index and the position of each of the places; -1 as index of `NOWHERE`."""
    indices, positions = block_and_position(places)
    return list(zip(indices.tolist(), positions.tolist(), strict=True))

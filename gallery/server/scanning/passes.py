"""Passes: one scan over the blocks of a gallery, for all the searches that it serves."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import ExitStack

from gallery.errors import (
    DimensionMismatchError,
    GalleryError,
    KeyMismatchError,
    ParameterSetError,
)
from gallery.evaluator import Evaluator
from gallery.hints import Hint
from gallery.messages import (
    BlockResult,
    EncryptedProbe,
    GalleryDescription,
    ManifestEntry,
)
from gallery.server.scanning.block_reader import BlockReader
from gallery.server.scanning.block_results import divide_result, probes_of
from gallery.server.scanning.searches import Search, SearchOpening, SearchStatistics


class SearchPass(ABC):
    """A pass over a gallery as of one manifest, turn by turn, in one thread.

    Parameters
    ----------
    searches
        The searches to serve; those whose probes do not fit the gallery are told so, and the others
        go on.
    reader
        Gives the snapshot that they see, and its blocks; closed with the pass, or by the caller if
        the pass cannot be made.
    evaluator
        What computes encrypted distances in this process.

    Attributes
    ----------
    gallery_id
        The gallery.
    beginning
        The figures of its beginning: searches, probes, and how long they waited.
    """

    def __init__(
        self, searches: Sequence[Search], reader: BlockReader, evaluator: Evaluator
    ) -> None:
        begun = time.perf_counter()
        snapshot = reader.snapshot
        self.gallery_id = snapshot.gallery_id
        self._evaluator = evaluator
        self._opened = ExitStack()
        self._opened.callback(reader.close)
        self._entries = deque(snapshot.manifest.entries)
        opening = SearchOpening(snapshot.manifest, snapshot.check_sums())
        self._searches = [
            search for search in searches if _begin(search, snapshot.description, opening)
        ]
        self.beginning = SearchStatistics(
            searches=len(self._searches),
            probes=len(probes_of(self._searches)),
            passes=1,
            waiting_seconds=sum(begun - search.called for search in self._searches),
        )

    @property
    def is_over(self) -> bool:
        """Whether no block is left to scan, or no search that waits for one."""
        return not self._entries or not self._listening()

    @abstractmethod
    def turn(self, following: SearchPass) -> SearchStatistics:
        """Scan some blocks, while the following turn is prepared; return figures.

        Parameters
        ----------
        following
            The pass whose turn is next, which may be this one.
        """

    @abstractmethod
    def read_ahead(self) -> None:
        """Prepare the next turn without waiting for anything."""

    def close(self, error: BaseException | None = None) -> None:
        """Close the snapshot, and only then end the searches, with an error if there was one."""
        try:
            self._opened.close()
        except BaseException as failed:
            error = error or failed
        for search in self._searches:
            search.end(error)

    def _deliver(
        self, results: Iterable[BlockResult], searches: Sequence[Search], started: float
    ) -> SearchStatistics:
        """Give searches their results, and return the figures of a turn.

        Parameters
        ----------
        results
            Results of blocks, for the probes of these searches.
        searches
            The searches.
        started
            When the results were begun to be computed, by `time.perf_counter`.
        """
        comparisons = sum(divide_result(result, searches) for result in results)
        return SearchStatistics(
            comparisons=comparisons, scanning_seconds=time.perf_counter() - started
        )

    def _listening(self) -> list[Search]:
        return [search for search in self._searches if not search.abandoned]

    def _wants_references(self, entry: ManifestEntry) -> bool:
        return any(
            search.request.known.get(entry.index) != entry.version for search in self._listening()
        )


def _begin(search: Search, description: GalleryDescription, opening: SearchOpening) -> bool:
    """Hand a search its opening, or an error if a probe does not fit; tell whether it goes on."""
    try:
        for probe in search.request.probes:
            _check_fit(probe, description)
    except GalleryError as error:
        search.end(error)
        return False
    search.put(opening.without(search.request.known_check_sums))
    return True


def _check_fit(probe: EncryptedProbe, description: GalleryDescription) -> None:
    if probe.key_id != description.key_id:
        raise KeyMismatchError(
            f"the probe is encrypted under another key than gallery {description.name!r}",
            hint=Hint.OTHER_KEY,
        )
    if probe.parameters != description.parameters:
        raise ParameterSetError(
            f"the probe has parameter set {probe.parameters!r}, "
            f"gallery {description.name!r} has {description.parameters!r}"
        )
    if probe.dimension != description.dimension:
        raise DimensionMismatchError(
            f"the probe has {probe.dimension} values, "
            f"gallery {description.name!r} holds embeddings of {description.dimension}"
        )
    if probe.columns != description.columns:
        raise DimensionMismatchError(
            f"the probe is for blocks of {probe.columns} columns, "
            f"those of gallery {description.name!r} have {description.columns}"
        )

"""One pass over the blocks of a gallery, for all the searches that it serves."""

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
from gallery.hints import Hint
from gallery.messages import (
    BlockResult,
    EncryptedProbe,
    GalleryDescription,
    ManifestEntry,
)
from gallery.server.scanning.searches import Search, SearchStatistics
from gallery.store import Snapshot


class SearchPass(ABC):
    """A pass over a gallery as of one manifest, turn by turn, in one thread.

    Parameters
    ----------
    searches
        What to do; those whose probes do not fit are told so, and the others go on.
    snapshot
        The state of the gallery that they see.
    opened
        What to close at the end: the snapshot, and what else was opened for the pass.

    Attributes
    ----------
    gallery_id
        The gallery.
    beginning
        The figures of its beginning: searches, probes, and how long they waited.
    """

    def __init__(self, searches: Sequence[Search], snapshot: Snapshot, opened: ExitStack) -> None:
        begun = time.perf_counter()
        self.gallery_id = snapshot.gallery_id
        self._opened = opened
        self._entries = deque(snapshot.manifest.entries)
        self._searches = [search for search in searches if _begin(search, snapshot)]
        self.beginning = SearchStatistics(
            searches=len(self._searches),
            probes=len(probes_of(self._searches)),
            passes=1,
            waiting_seconds=sum(begun - search.called for search in self._searches),
        )

    @property
    def is_over(self) -> bool:
        """Whether no block is left, or nobody who waits for one."""
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
        """Close the snapshot, and only then tell those who wait that this was all, or why not."""
        try:
            self._opened.close()
        except BaseException as failed:
            error = error or failed
        for search in self._searches:
            search.end(error)

    def _listening(self) -> list[Search]:
        return [search for search in self._searches if not search.abandoned]

    def _wants_references(self, entry: ManifestEntry) -> bool:
        return any(
            search.request.known.get(entry.index) != entry.version for search in self._listening()
        )


def _begin(search: Search, snapshot: Snapshot) -> bool:
    """Hand a search the manifest, or tell it what does not fit; return whether it goes on."""
    try:
        for probe in search.request.probes:
            _check_fit(probe, snapshot.description)
    except GalleryError as error:
        search.end(error)
        return False
    search.put(snapshot.manifest)
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


def probes_of(searches: Iterable[Search]) -> list[EncryptedProbe]:
    """Return the probes of all searches, one search after the other."""
    return [probe for search in searches for probe in search.request.probes]


def hand_out(result: BlockResult, searches: Iterable[Search]) -> int:
    """Give each search its part of what a block yields for `probes_of` these searches.

    Returns
    -------
    int
        Comparisons that this was: references of the block, times probes.
    """
    header, distances = result.header, deque(result.distances)
    for search in searches:
        known = search.request.known.get(header.index) == header.version
        own = tuple(distances.popleft() for _ in search.request.probes)
        search.put(BlockResult(header, None if known else result.references, own))
    references = int.from_bytes(header.occupancy, "little").bit_count()
    return references * len(result.distances)

"""Searches of one probe beside plain search: hinted sets and FAISS in turn, on one thread and two.

All are in memory, and what is compared runs one after the other within each repeat.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.compare.free_memory import blocks_size, lacking
from benchmarks.compare.prepared_scheme import PreparedScheme
from benchmarks.compare.schemes.faiss_search import faiss_search
from benchmarks.compare.schemes.gallery_scheme import GalleryScheme
from benchmarks.shared.timing import Series, Spread, TimedCall, time_in_turn
from benchmarks.shared.unit_vectors import unit_vectors
from gallery.ciphertexts.blocks import capacity
from gallery.evaluator.native import usable_cores
from gallery.parameters import PARAMETER_SETS, HintedParameterSet

HINTED_SETS = {
    name: parameters
    for name, parameters in PARAMETER_SETS.items()
    if isinstance(parameters, HintedParameterSet)
}
"""The parameter sets that are to be as fast as plain search."""


@dataclass(frozen=True)
class BesidePlain:
    """The scans of one parameter set beside those of FAISS; seconds are for one comparison.

    Attributes
    ----------
    parameters, dimension, references
        The gallery.
    stored_bytes
        Bytes of a reference that a scan reads.
    faiss
        FAISS in clear, on one thread.
    one_thread, two_threads
        The scan; None on two threads if there is only one core.
    """

    parameters: str
    dimension: int
    references: int
    stored_bytes: float
    faiss: Series
    one_thread: Series
    two_threads: Series | None

    @property
    def times_faiss(self) -> Spread:
        """How many times as long as FAISS it takes on one thread."""
        return self.faiss.times_faster_than(self.one_thread)

    @property
    def gain_of_threads(self) -> Spread | None:
        """How many times as fast two threads are as one."""
        if self.two_threads is None:
            return None
        return self.two_threads.times_faster_than(self.one_thread)

    def gigabytes_per_second(self, threads: Series) -> float:
        """Return the gigabytes (1e9 bytes) of blocks that are read in a second."""
        return self.stored_bytes / threads.spread.median / 1e9


def time_beside_plain(
    dimension: int, sizes: Sequence[int], repeats: int
) -> tuple[list[BesidePlain], list[str]]:
    """Time galleries of some sizes; also tell which of them memory was too small for."""
    found: list[BesidePlain] = []
    skipped: list[str] = []
    for references in sizes:
        needed = sum(blocks_size(one, dimension, references) for one in HINTED_SETS.values())
        reason = lacking(needed, dimension, references, " and ".join(HINTED_SETS))
        if reason is None:
            found += _time(dimension, references, repeats)
        else:
            skipped.append(reason)
    return found, skipped


def _time(dimension: int, references: int, repeats: int) -> Iterator[BesidePlain]:
    prepared = {name: _prepared(name, dimension, references) for name in HINTED_SETS}
    any_scheme = next(iter(prepared.values()))
    templates, vector = any_scheme.templates, any_scheme.vector
    faiss = TimedCall("FAISS", faiss_search(templates, references, vector[None]), references)
    calls = {("FAISS", 1): faiss}
    for name, one in prepared.items():
        calls[name, 1] = one.scan()
        if usable_cores() > 1:
            on_two = GalleryScheme(HINTED_SETS[name], dimension, 2)
            calls[name, 2] = replace(one, scheme=on_two).scan()
    taken = dict(zip(calls, time_in_turn([*calls.values()], repeats), strict=True))
    return (_beside(one, name, taken) for name, one in prepared.items())


def _prepared(name: str, dimension: int, references: int) -> PreparedScheme:
    """Return a gallery of copies of one block, of which no other than the first was encrypted."""
    scheme = GalleryScheme(HINTED_SETS[name], dimension)
    drawn = unit_vectors(np.random.default_rng(1), scheme.unit_size + 1, dimension)
    return PreparedScheme.of(scheme, drawn[:-1], drawn[-1], references)


def _beside(one: PreparedScheme, name: str, taken: Mapping[tuple[str, int], Series]) -> BesidePlain:
    read = one.units[0].columns.nbytes / capacity(HINTED_SETS[name])
    return BesidePlain(
        parameters=name,
        dimension=len(one.vector),
        references=one.references,
        stored_bytes=read,
        faiss=taken["FAISS", 1],
        one_thread=taken[name, 1],
        two_threads=taken.get((name, 2)),
    )

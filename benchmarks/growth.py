"""The scan alone, against the size of the gallery and the number of probes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.machine import free_memory
from benchmarks.owner import unit_vectors
from benchmarks.rivals import SealColumns, plain_search
from benchmarks.schemes import Gallery, Scheme
from benchmarks.steps import Prepared
from benchmarks.tensors import LARGEST_UNIT
from benchmarks.timing import Candidate, Series, in_turn
from gallery.ciphertexts.blocks import columns_size
from gallery.evaluator.native import usable_cores
from gallery.parameters import ParameterSet

FAISS = "FAISS in clear, 1 thread"

_LARGEST = 25_600_000
"""Most comparisons of one run: 256 probes are not searched for in a million references."""

_RIVALS_LARGEST = 10_000
"""Most references that the encrypted rivals are measured on."""

_SPARE = 1.25
"""Part of the free memory that a gallery has to leave: what else a scan takes, and the system."""


@dataclass(frozen=True)
class Point:
    """One measured scan; seconds are for one comparison of a probe with a reference."""

    scheme: str
    parameters: str
    dimension: int
    references: int
    probes: int
    scan: Series

    @property
    def latency(self) -> float:
        """Median seconds of the whole scan."""
        return self.scan.spread.median * self.references * self.probes


@dataclass(frozen=True)
class Axes:
    """The sizes to measure."""

    references: Sequence[int]
    probes: Sequence[int]
    repeats: int


class Growth:
    """Measures one parameter set and dimension; what did not fit into memory is in `skipped`."""

    def __init__(self, parameters: ParameterSet, dimension: int, tensors: Scheme) -> None:
        self._parameters, self._dimension, self._tensors = parameters, dimension, tensors
        random = np.random.default_rng(1)
        self._templates = unit_vectors(random, LARGEST_UNIT, dimension)
        self._vectors = unit_vectors(random, 256, dimension)
        self.skipped: list[str] = []

    def points(self, axes: Axes) -> Iterator[Point]:
        """Measure every size for which there is memory."""
        for references in axes.references:
            if self._fits(references):
                yield from self._points(references, axes)

    def _fits(self, references: int) -> bool:
        parameters, dimension = self._parameters, self._dimension
        blocks = references / parameters.poly_modulus_degree * columns_size(dimension, parameters)
        needed = _SPARE * (blocks + 4 * references * dimension)
        if needed <= (free := free_memory()):
            return True
        self.skipped.append(
            f"{references:,} references of d = {dimension}, {parameters.name}: "
            f"{needed / 1e9:.1f} GB needed, {free / 1e9:.1f} GB free"
        )
        return False

    def _points(self, references: int, axes: Axes) -> Iterator[Point]:
        alone = self._prepared(Gallery(self._parameters), references)
        galleries = [alone]
        if usable_cores() > 1:
            galleries.append(replace(alone, scheme=Gallery(self._parameters, usable_cores())))
        searches: list[tuple[int, Candidate]] = []
        for count in axes.probes:
            if count * references <= _LARGEST:
                searches += [(count, one.scanning(count)) for one in galleries]
                plain = plain_search(self._templates, references, self._vectors[:count])
                searches.append((count, Candidate(FAISS, plain, references * count)))
        if references <= _RIVALS_LARGEST:
            searches += [(1, one.scanning()) for one in self._rivals(references)]
        taken = in_turn([candidate for _, candidate in searches], axes.repeats)
        where = self._parameters.name, self._dimension, references
        for (count, candidate), series in zip(searches, taken, strict=True):
            yield Point(candidate.name, *where, count, series)

    def _rivals(self, references: int) -> Iterable[Prepared]:
        for scheme in (SealColumns(self._parameters), self._tensors):
            yield self._prepared(scheme, references)

    def _prepared(self, scheme: Scheme, references: int) -> Prepared:
        return Prepared.of(scheme, self._templates, self._vectors[0], references)
